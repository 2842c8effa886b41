import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

/**
 * Libraries of hundreds of modules, which take a third of a second to find and read one by one: each is one file in
 * dist/libraries/, by its name there.
 */
const LIBRARIES = { typebox: 'typebox', 'typebox-compile': 'typebox/compile' };
const FOLDER = 'libraries';

/** Leaves all imports as they are, but for those of LIBRARIES. */
const toLibraries = {
  name: 'libraries',
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point') return undefined;
      const [file] = Object.entries(LIBRARIES).find(([, name]) => name === path) ?? [];
      if (!file) return { path, external: true };
      const folder = relative(dirname(importer), join(process.cwd(), 'src', FOLDER));
      const near = folder.startsWith('.') ? folder : `./${folder}`;
      return { path: `${near.replaceAll('\\', '/')}/${file}.js`, external: true };
    });
  },
};

/** Builds each module of src/ into one of dist/. `npm run check:types` checks types; a start does not wait for it. */
const modules = readdirSync('src', { recursive: true }).filter((file) =>
  /(?<!\.d)\.ts$/.test(file),
);
await build({
  entryPoints: modules.map((file) => join('src', file)),
  outbase: 'src',
  outdir: 'dist',
  bundle: true,
  plugins: [toLibraries],
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  sourcemap: true,
  logLevel: 'warning',
});
await build({
  entryPoints: LIBRARIES,
  outdir: join('dist', FOLDER),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  legalComments: 'inline',
  logLevel: 'warning',
});
