import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartupError } from '../src/core/errors.js';
import type { ModelManifest } from '../src/core/model.js';
import { usableCores } from '../src/cores.js';
import { readManifest } from '../src/engine/manifest.js';
import { resolveFile } from '../src/engine/model-files.js';
import { VIT } from '../src/sam/architecture.js';
import { writeRandomSam } from '../test/checkpoint/fixtures/random-sam.js';
import type { EncoderOrder, EncoderReport } from './encoder-process.js';
import { countedMacs, publishedMacs } from './macs.js';

/**
 * Image encoders from full-size checkpoints with random weights, one image at a time, beside MobileSAM's:
 * `npm run bench:vit` for ViT-B, `npm run bench:vit -- vit_b vit_l vit_h` for others. Each has a process of its
 * own, whose peak of resident memory is all of it. Files of up to 2.6 GB come and go in the folder for such.
 */
const MODELS = fileURLToPath(new URL('../models', import.meta.url));
const CHILD = new URL('./encoder-process.ts', import.meta.url);

async function measure(order: EncoderOrder): Promise<EncoderReport> {
  const child = fork(CHILD, { execArgv: ['--import=tsx'] });
  child.send(order);
  const [report] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${order.manifest.name} ended with ${code}`);
    }),
  ]);
  return report as EncoderReport;
}

/** @param baseline milliseconds per GMAC; the first row is its own. */
function print(name: string, file: number, macs: number, report: EncoderReport, baseline?: number) {
  const { loadMs, runMs, peakRssBytes } = report;
  const pace = runMs / (macs / 1e9);
  const columns = [
    `${(file / 1e6).toFixed(0)} MB`,
    `${(loadMs / 1e3).toFixed(1)} s`,
    `${(runMs / 1e3).toFixed(2)} s`,
    `${(peakRssBytes / 1e6).toFixed(0)} MB`,
    `${(macs / 1e9).toFixed(0)}`,
    `${pace.toFixed(1)} ms`,
    `${(pace / (baseline ?? pace)).toFixed(2)}x`,
  ];
  console.log(name.padEnd(12) + columns.map((column) => column.padStart(11)).join(''));
  return pace;
}

const names = process.argv.length > 2 ? process.argv.slice(2) : ['vit_b'];
console.log(`${usableCores()} cores, Node.js ${process.version}`);
const heads = ['file', 'load', 'image', 'peak RSS', 'GMAC', 'per GMAC', 'ratio'];
console.log(' '.repeat(12) + heads.map((head) => head.padStart(11)).join(''));

const mobile = await readManifest(MODELS, 'mobile_sam');
if (!('encoder' in mobile)) throw new Error('MobileSAM has no encoder');
const path = resolveFile(MODELS, mobile.encoder.file);
const macs = await countedMacs(path);
const report = await measure({ manifest: mobile, path, runs: 5 });
const baseline = print('mobile_sam', statSync(path).size, macs, report);

for (const name of names) {
  if (!Object.hasOwn(VIT, name)) throw new StartupError(`${name} is none of ${Object.keys(VIT)}`);
  const variant = VIT[name as keyof typeof VIT];
  const folder = mkdtempSync(join(tmpdir(), 'vit-'));
  try {
    const file = join(folder, 'random.pth');
    writeRandomSam(file, variant);
    const manifest: ModelManifest = await readManifest(MODELS, name);
    const answer = await measure({ manifest, path: file, runs: 2 });
    print(name, statSync(file).size, publishedMacs(variant), answer, baseline);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
