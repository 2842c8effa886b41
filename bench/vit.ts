import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../src/engine/manifest.js';
import { resolveFile } from '../src/engine/model-paths.js';
import { usableCores } from '../src/machine.js';
import { HIERA, VIT } from '../src/sam/architecture.js';
import { writeRandomSam } from '../test/checkpoint/fixtures/random-sam.js';
import { writeRandomSam2 } from '../test/checkpoint/fixtures/random-sam2.js';
import { clicks } from './clicks.js';
import type { EncoderOrder, EncoderReport } from './encoder-process.js';
import { countedMacs, hieraMacs, publishedMacs } from './macs.js';

/**
 * Image encoders from full-size checkpoints with random weights, one image at a time, in turns with MobileSAM's:
 * `npm run bench:vit` for ViT-B, `npm run bench:vit -- vit_h sam2.1_hiera_large` for others, a SAM 2 beside ViT-B as well.
 * Each has a process of its own, whose peak of resident memory is all of it. Files of up to 2.6 GB come and go in the
 * folder for such. Where a SAM 2 is among them, a click's time follows, beside MobileSAM's.
 */
const MODELS = fileURLToPath(new URL('../models', import.meta.url));
const ROUNDS = 3;
/** Of the names, in characters. */
const WIDTH = 28;

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

/** @param baselines milliseconds for a thousand million multiplications of MobileSAM and, where it took part, of ViT-B. */
function print(
  name: string,
  bytes: number,
  macs: number,
  score: Score,
  baselines: readonly (number | undefined)[],
): void {
  const columns = [
    `${(bytes / 1e6).toFixed(0)} MB`,
    `${(score.loadMs / 1e3).toFixed(1)} s`,
    `${(score.runMs / 1e3).toFixed(2)} s`,
    `${(score.peakRssBytes / 1e6).toFixed(0)} MB`,
    `${(macs / 1e9).toFixed(0)}`,
    `${pace(score, macs).toFixed(1)} ms`,
    ...baselines.map((baseline) =>
      baseline === undefined ? '' : `${(pace(score, macs) / baseline).toFixed(2)}x`,
    ),
  ];
  console.log(name.padEnd(WIDTH) + columns.map((column) => column.padStart(11)).join(''));
}

/** Milliseconds for a thousand million multiplications. */
function pace({ runMs }: Score, macs: number): number {
  return runMs / (macs / 1e9);
}

/** An encoder to be timed, in the numbers that the name says. */
interface Contender {
  readonly label: string;
  readonly order: EncoderOrder;
  readonly macs: number;
}

/** Writes a checkpoint of random weights into a folder: the encoder it holds, exact and in 8 bits. */
async function contenders(name: string, folder: string): Promise<Contender[]> {
  const manifest = await readManifest(MODELS, name);
  const { architecture } = manifest;
  const path = join(folder, `${name}.pt`);
  let macs: number;
  if (architecture in VIT) {
    const variant = VIT[architecture as keyof typeof VIT];
    writeRandomSam(path, variant);
    macs = publishedMacs(variant);
  } else if (architecture in HIERA) {
    const variant = HIERA[architecture as keyof typeof HIERA];
    writeRandomSam2(path, variant);
    macs = hieraMacs(variant);
  } else throw new Error(`${name} is in no checkpoint`);
  return (['float32', 'int8'] as const).map((precision) => ({
    label: precision === 'int8' ? `${name} int8` : name,
    order: { manifest, path, precision },
    macs,
  }));
}

const names = process.argv.length > 2 ? process.argv.slice(2) : ['vit_b'];
console.log(`${usableCores()} cores, Node.js ${process.version}`);
const heads = ['file', 'load', 'image', 'peak RSS', 'GMAC', 'per GMAC', 'to Mobile', 'to ViT-B'];
console.log(' '.repeat(WIDTH) + heads.map((head) => head.padStart(11)).join(''));

const manifest = await readManifest(MODELS, 'mobile_sam');
if (!('encoder' in manifest)) throw new Error('MobileSAM has no encoder');
const path = resolveFile(MODELS, manifest.encoder.file);
const mobile: Contender = {
  label: 'mobile_sam',
  order: { manifest, path, precision: 'float32' },
  macs: await countedMacs(path),
};

for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), 'encoders-'));
  const encoders: Encoder[] = [];
  try {
    const own = await contenders(name, folder);
    // A SAM 2 is to be seen beside the plainest of SAM's as well.
    const [vit] = name.startsWith('vit') ? [] : await contenders('vit_b', folder);
    const all = [mobile, ...(vit ? [vit] : []), ...own];
    encoders.push(...all.map(({ order }) => new Encoder(order)));
    const scores = await inTurns(encoders);
    const baselines = ['mobile_sam', 'vit_b'].map((label) => {
      const i = all.findIndex((contender) => contender.label === label);
      return i < 0 ? undefined : pace(scores[i] as Score, (all[i] as Contender).macs);
    });
    for (const [i, { label, order, macs }] of all.entries()) {
      print(label, statSync(order.path).size, macs, scores[i] as Score, baselines);
    }
  } finally {
    for (const encoder of encoders) encoder.close();
    rmSync(folder, { recursive: true });
  }
}
if (names.some((name) => !name.startsWith('vit'))) await clicks();
