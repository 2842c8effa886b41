import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../src/engine/manifest.js';
import { resolveFile } from '../src/engine/model-paths.js';
import { usableCores } from '../src/machine.js';
import { VIT } from '../src/sam/architecture.js';
import { writeRandomSam } from '../test/checkpoint/fixtures/random-sam.js';
import type { EncoderOrder, EncoderReport } from './encoder-process.js';
import { countedMacs, publishedMacs } from './macs.js';

/**
 * Image encoders from full-size checkpoints with random weights, one image at a time, in turns with MobileSAM's:
 * `npm run bench:vit` for ViT-B, `npm run bench:vit -- vit_b vit_l vit_h` for others. Each has a process of its
 * own, whose peak of resident memory is all of it. Files of up to 2.6 GB come and go in the folder for such.
 */
const MODELS = fileURLToPath(new URL('../models', import.meta.url));
const ROUNDS = 3;

/** An encoder in a process of its own. */
class Encoder {
  readonly #process: ChildProcess;
  readonly #order: EncoderOrder;

  constructor(order: EncoderOrder) {
    this.#order = order;
    const child = new URL('./encoder-process.ts', import.meta.url);
    this.#process = fork(child, { execArgv: ['--import=tsx'] });
  }

  /** Opens it the first time, then encodes one image each time. */
  async next(): Promise<EncoderReport> {
    this.#process.send(this.#order);
    const failed = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`${this.#order.manifest.name} ended with ${code}`);
    });
    const [report] = await Promise.race([once(this.#process, 'message'), failed]);
    return report as EncoderReport;
  }

  close(): void {
    this.#process.removeAllListeners('exit');
    this.#process.kill();
  }
}

/** Milliseconds of the fastest of a few runs. */
interface Score {
  loadMs: number;
  runMs: number;
  peakRssBytes: number;
}

/** Opens both, then lets them encode in turns. */
async function inTurns(encoders: readonly Encoder[]): Promise<Score[]> {
  const scores: Score[] = [];
  for (const encoder of encoders) {
    const { ms, peakRssBytes } = await encoder.next();
    scores.push({ loadMs: ms, runMs: Number.POSITIVE_INFINITY, peakRssBytes });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, score] of scores.entries()) {
      const { ms, peakRssBytes } = await (encoders[i] as Encoder).next();
      Object.assign(score, { runMs: Math.min(score.runMs, ms), peakRssBytes });
    }
  }
  return scores;
}

function print(name: string, bytes: number, macs: number, score: Score, baseline: number): void {
  const columns = [
    `${(bytes / 1e6).toFixed(0)} MB`,
    `${(score.loadMs / 1e3).toFixed(1)} s`,
    `${(score.runMs / 1e3).toFixed(2)} s`,
    `${(score.peakRssBytes / 1e6).toFixed(0)} MB`,
    `${(macs / 1e9).toFixed(0)}`,
    `${pace(score, macs).toFixed(1)} ms`,
    `${(pace(score, macs) / baseline).toFixed(2)}x`,
  ];
  console.log(name.padEnd(12) + columns.map((column) => column.padStart(11)).join(''));
}

/** Milliseconds for a thousand million multiplications. */
function pace({ runMs }: Score, macs: number): number {
  return runMs / (macs / 1e9);
}

const names = process.argv.length > 2 ? process.argv.slice(2) : ['vit_b'];
console.log(`${usableCores()} cores, Node.js ${process.version}`);
const heads = ['file', 'load', 'image', 'peak RSS', 'GMAC', 'per GMAC', 'ratio'];
console.log(' '.repeat(12) + heads.map((head) => head.padStart(11)).join(''));

const mobile = await readManifest(MODELS, 'mobile_sam');
if (!('encoder' in mobile)) throw new Error('MobileSAM has no encoder');
const mobilePath = resolveFile(MODELS, mobile.encoder.file);
const mobileMacs = await countedMacs(mobilePath);

for (const name of names) {
  if (!Object.hasOwn(VIT, name)) throw new Error(`${name} is none of ${Object.keys(VIT)}`);
  const variant = VIT[name as keyof typeof VIT];
  const folder = mkdtempSync(join(tmpdir(), 'vit-'));
  const path = join(folder, 'random.pth');
  const encoders: Encoder[] = [];
  try {
    writeRandomSam(path, variant);
    const manifest = await readManifest(MODELS, name);
    encoders.push(new Encoder({ manifest: mobile, path: mobilePath, precision: 'float32' }));
    encoders.push(new Encoder({ manifest, path, precision: 'float32' }));
    encoders.push(new Encoder({ manifest, path, precision: 'int8' }));
    const [baseline, exact, whole] = (await inTurns(encoders)) as [Score, Score, Score];
    const mobilePace = pace(baseline, mobileMacs);
    print('mobile_sam', statSync(mobilePath).size, mobileMacs, baseline, mobilePace);
    const macs = publishedMacs(variant);
    print(name, statSync(path).size, macs, exact, mobilePace);
    print(`${name} int8`, statSync(path).size, macs, whole, mobilePace);
  } finally {
    for (const encoder of encoders) encoder.close();
    rmSync(folder, { recursive: true });
  }
}
