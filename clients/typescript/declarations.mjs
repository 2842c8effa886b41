import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Writes the types beside the code that is built. The modules of `src/` itself are what others see: what lies in its
 * folders, or comes from the service, has no place in their declarations. `npm run check:types` checks them.
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const all = await mkdtemp(join(tmpdir(), 'sam-split-client-'));
const tsc = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'));
const options = [
  '--noEmit',
  'false',
  '--declaration',
  '--emitDeclarationOnly',
  '--noCheck',
  '--outDir',
  all,
];
execFileSync(process.execPath, [tsc, '-p', here, ...options], { stdio: 'inherit' });
await mkdir(join(here, 'dist'), { recursive: true });
const own = join(all, 'clients/typescript/src');
for (const file of await readdir(own)) {
  if (file.endsWith('.d.ts')) await copyFile(join(own, file), join(here, 'dist', file));
}
await rm(all, { recursive: true });
