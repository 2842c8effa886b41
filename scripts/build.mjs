import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Builds each module of src/ into one of dist/. `npm run check:types` checks types; a start does not wait for it. */
const modules = readdirSync('src', { recursive: true }).filter((file) =>
  /(?<!\.d)\.ts$/.test(file),
);
await build({
  entryPoints: modules.map((file) => join('src', file)),
  outbase: 'src',
  outdir: 'dist',
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  sourcemap: true,
  logLevel: 'warning',
});
