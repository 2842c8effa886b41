import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'esbuild';

/**
 * Builds the page into dist/web: `index.html`, and under `assets/` files whose names change with their content, each
 * with what it is packed. `npm start` waits for this: what has not changed is not packed anew.
 */
const SOURCE = fileURLToPath(new URL('.', import.meta.url));
const TARGET = fileURLToPath(new URL('../dist/web', import.meta.url));
const ASSETS = join(TARGET, 'assets');
/** What the client's worker loads; onnxruntime-web's files are nearly all of it. */
const CLIENT = fileURLToPath(new URL('../clients/typescript/dist/assets', import.meta.url));
const NOT_FOR_BROWSERS = ['decode-node.js'];

const decoder = await nameByContent(CLIENT, 'decoder');
await mkdir(ASSETS, { recursive: true });
for (const name of await readdir(ASSETS)) {
  if (name !== decoder) await rm(join(ASSETS, name), { recursive: true });
}
const { metafile } = await build({
  entryPoints: [join(SOURCE, 'main.tsx'), join(SOURCE, 'style.css')],
  outdir: ASSETS,
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.svg': 'file' },
  define: { CLIENT_ASSETS: JSON.stringify(`./${decoder}/`) },
  alias: { 'sam-split-client': join(SOURCE, '../clients/typescript/src/index.ts') },
  metafile: true,
  logLevel: 'warning',
});
await copyDecoder();
const firstLoad = await packFolder(ASSETS);
await writeFile(join(TARGET, 'index.html'), await documentOf(Object.keys(metafile.outputs)));
console.log(`page: ${(firstLoad / 1024).toFixed(1)} KiB to load, by gzip, beside wasm and graphs`);

/** `name-<hash>`, which changes with any file of a folder. */
async function nameByContent(folder, name) {
  const hash = createHash('sha256');
  for (const file of (await readdir(folder)).sort()) {
    if (!NOT_FOR_BROWSERS.includes(file))
      hash.update(file).update(await readFile(join(folder, file)));
  }
  return `${name}-${hash.digest('hex').slice(0, 12)}`;
}

/** Into its place when it is complete: a build that was interrupted leaves nothing that looks it. */
async function copyDecoder() {
  const target = join(ASSETS, decoder);
  if ((await readdir(ASSETS)).includes(decoder)) return;
  const draft = join(TARGET, 'decoder.part');
  await rm(draft, { recursive: true, force: true });
  const wanted = (path) => !NOT_FOR_BROWSERS.includes(basename(path));
  await cp(CLIENT, draft, { recursive: true, filter: wanted });
  await packFolder(draft);
  await rename(draft, target);
}

/** Packs the files of a folder beside them. @returns their bytes by gzip */
async function packFolder(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name));
  const sizes = await Promise.all(files.map(pack));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function pack(file) {
  const bytes = await readFile(file);
  // Megabytes of wasm at the highest quality take half a minute.
  const quality = bytes.length > 1e6 ? 4 : constants.BROTLI_MAX_QUALITY;
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
  const [zipped, packed] = await Promise.all([
    promisify(gzip)(bytes, { level: bytes.length > 1e6 ? 3 : 9 }),
    promisify(brotliCompress)(bytes, { params }),
  ]);
  await Promise.all([writeFile(`${file}.gz`, zipped), writeFile(`${file}.br`, packed)]);
  return zipped.length;
}

/** The document, with the names that the build gave. */
async function documentOf(outputs) {
  const html = await readFile(join(SOURCE, 'index.html'), 'utf8');
  const named = (start, end) =>
    basename(outputs.find((path) => path.includes(`/${start}-`) && path.endsWith(end)));
  return html
    .replace('main.tsx', `assets/${named('main', '.js')}`)
    .replace('style.css', `assets/${named('style', '.css')}`)
    .replace('icon.svg', `assets/${named('icon', '.svg')}`);
}
