import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Features, toFeatures } from '../src/detections/features.js';
import { selectDetections } from '../src/detections/selection.js';
import { readManifest } from '../src/engine/manifest.js';
import { usableCores } from '../src/machine.js';
import { readConfig } from '../src/owl/config.js';
import { VIT } from '../src/sam/architecture.js';
import { writeRandomSam } from '../test/checkpoint/fixtures/random-sam.js';
import { writeRandomDetector } from '../test/owl/fixtures/random-detector.js';
import type { EncoderOrder } from './encoder-process.js';
import { publishedMacs } from './macs.js';
import type { TowerOrder, TowerReport } from './tower-process.js';

/**
 * A full-size OWLv2 base with random weights beside SAM's ViT-B, in turns, each in a process of its own whose peak of
 * resident memory is all of it: `npm run bench:text`. Files of 620 and 375 MB come and go in the folder for such.
 */
const ROUNDS = 3;
const SIZES = [960, 480];
const MODELS = fileURLToPath(new URL('../models', import.meta.url));
const BASE = readConfig('{"model_type":"owlv2","vision_config":{"image_size":960}}');

const folder = mkdtempSync(join(tmpdir(), 'bench-text-'));
const children: ChildProcess[] = [];
try {
  await measure();
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true });
}

async function measure(): Promise<void> {
  const threads = usableCores();
  const path = writeRandomDetector(folder, BASE);
  const sam = join(folder, 'vit_b.pth');
  writeRandomSam(sam, VIT.vit_b);
  const vit: EncoderOrder = {
    manifest: await readManifest(MODELS, 'vit_b'),
    path: sam,
    precision: 'float32',
  };
  const tower = (imageSize?: number): TowerOrder => ({
    ...{ path, architecture: BASE, threads },
    ...(imageSize !== undefined && { imageSize }),
  });
  const runs = [
    { name: 'SAM ViT-B', macs: publishedMacs(VIT.vit_b), next: worker('encoder-process', vit) },
    ...SIZES.map((size) => ({
      name: `OWLv2 base, ${size}`,
      macs: towerMacs(size),
      next: worker('tower-process', tower(size)),
    })),
    { name: 'a new phrase', macs: undefined, next: worker('tower-process', tower()) },
  ];
  const fastest = runs.map(() => Number.POSITIVE_INFINITY);
  const peaks = runs.map(() => 0);
  for (const { next } of runs) await next();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { next }] of runs.entries()) {
      const { ms, peakRssBytes } = await next();
      fastest[i] = Math.min(fastest[i] as number, ms);
      peaks[i] = peakRssBytes;
    }
  }
  const pace = (i: number) => (fastest[i] as number) / ((runs[i]?.macs ?? Number.NaN) / 1e9);
  console.log('network              fastest   peak RSS    GMAC   ms/GMAC   to ViT-B');
  for (const [i, { name, macs }] of runs.entries()) {
    const [ms, peak] = [fastest[i] as number, peaks[i] as number];
    const columns = [
      name.padEnd(18),
      `${ms.toFixed(0)} ms`.padStart(10),
      `${(peak / 1e6).toFixed(0)} MB`.padStart(10),
    ];
    if (macs !== undefined) {
      columns.push(
        (macs / 1e9).toFixed(0).padStart(7),
        pace(i).toFixed(1).padStart(9),
        (pace(i) / pace(0)).toFixed(2).padStart(10),
      );
    }
    console.log(columns.join(' '));
  }
  console.log(`a known phrase: ${knownPhrase().toFixed(1)} ms of matching and choice`);
}

/** Fastest milliseconds of reading the features of 3600 patches and choosing among them. */
function knownPhrase(): number {
  const [patches, width] = [3600, BASE.text.width];
  const random = (length: number, scale: number) =>
    Float32Array.from({ length }, () => scale * (Math.random() - 0.5));
  const kept = toFeatures(
    {
      classEmbeds: random(patches * width, 2),
      boxes: random(4 * patches, 0.1).map((value) => value + 0.5),
      logitShift: new Float32Array(patches),
      logitScale: new Float32Array(patches).fill(10),
    },
    'float16',
  );
  const frame = { image: { width: 1800, height: 1200 }, isPadded: true };
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    const query = random(width, 0.1);
    selectDetections(new Features(kept), [query], frame, { threshold: 0.1, nms: 0.5, most: 100 });
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Of the image tower and its heads: multiplications of weights, and of tokens with each other. */
function towerMacs(imageSize: number): number {
  const { width, layers, hidden, patchSize } = BASE.image;
  const patches = (imageSize / patchSize) ** 2;
  const tokens = patches + 1;
  const blocks =
    layers * (tokens * (4 * width ** 2 + 2 * width * hidden) + 2 * tokens ** 2 * width);
  const heads = patches * (4 * width ** 2 + width * (BASE.text.width + 7));
  return blocks + heads + patches * 3 * patchSize ** 2 * width;
}

/** Opens a network in a process of its own the first time, and runs it each other time. */
function worker(file: string, order: TowerOrder | EncoderOrder): () => Promise<TowerReport> {
  const child = fork(new URL(`./${file}.ts`, import.meta.url), { execArgv: ['--import=tsx'] });
  children.push(child);
  return async () => {
    child.send(order);
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(`${file} ended with ${code}`);
    });
    const [report] = await Promise.race([once(child, 'message'), failed]);
    return report as TowerReport;
  };
}
