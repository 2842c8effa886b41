import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import wabt from 'wabt';

/** Assembles what is written in WebAssembly's text format in src/ into dist/. */
const { parseWat } = await wabt();
for (const file of readdirSync('src', { recursive: true })) {
  if (!file.endsWith('.wat')) continue;
  // As a string: of a view of a larger buffer it reads all of the buffer.
  const module = parseWat(file, readFileSync(join('src', file), 'utf8'), { simd: true });
  const target = join('dist', file.replace(/wat$/, 'wasm'));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, module.toBinary({}).buffer);
}
