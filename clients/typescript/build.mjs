import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Of onnxruntime-web what runs: 31 of its 139 MB, of which a browser loads one of the two. */
const RUNTIMES = ['ort.wasm.min.mjs', 'ort.jspi.min.mjs'].concat(
  ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.jspi'].flatMap((name) => [
    `${name}.mjs`,
    `${name}.wasm`,
  ]),
);

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const runtime = new URL('.', import.meta.resolve('onnxruntime-web'));

const options = { bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning' };
await mkdir(path('dist/assets'), { recursive: true });
await Promise.all([
  build({
    ...options,
    entryPoints: [path('src/index.ts')],
    outfile: path('dist/index.js'),
  }),
  build({
    ...options,
    minify: true,
    entryPoints: [path('src/decoding/decode-worker.ts')],
    outfile: path('dist/assets/decode-worker.js'),
  }),
  build({
    ...options,
    platform: 'node',
    entryPoints: [path('src/decoding/decode-node.ts')],
    outfile: path('dist/assets/decode-node.js'),
  }),
  ...RUNTIMES.map((name) => copyFile(new URL(name, runtime), path(`dist/assets/${name}`))),
]);
