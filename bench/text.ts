import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../src/engine/manifest.js';
import { usableCores } from '../src/machine.js';
import { importDetector } from '../src/models/import-detector.js';
import { readConfig } from '../src/owl/config.js';
import { VIT } from '../src/sam/architecture.js';
import { writeRandomSam } from '../test/checkpoint/fixtures/random-sam.js';
import { draw, scene } from '../test/fixtures/scenes.js';
import { ServiceProcess } from '../test/fixtures/service-process.js';
import { writeRandomDetector } from '../test/owl/fixtures/random-detector.js';
import { writeConfig, writeVocabulary } from '../test/owl/fixtures/random-vocabulary.js';
import type { EncoderOrder } from './encoder-process.js';
import { publishedMacs } from './macs.js';
import type { TowerOrder, TowerReport } from './tower-process.js';

/**
 * A full-size OWLv2 base with random weights is imported and runs beside SAM's ViT-B, in turns, each in a process of its
 * own whose peak of resident memory is all of it; and then in the service, which is asked for phrases: `npm run
 * bench:text`. Files of 620 and 375 MB come and go in the folder for such.
 */
const ROUNDS = 3;
const SIZES = [960, 480];
/** Of the service's phrases. */
const PHRASES = 20;
const NAME = 'random_owl';
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
  const path = await imported();
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
    { name: 'the text tower', macs: undefined, next: worker('tower-process', tower()) },
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
  for (const child of children.splice(0)) child.kill();
  await measureService();
}

/** Writes the files of a detector and imports them. @returns its weights */
async function imported(): Promise<string> {
  const source = join(folder, NAME);
  mkdirSync(source);
  writeRandomDetector(source, BASE);
  writeVocabulary(source, BASE);
  writeConfig(source, BASE);
  writeFileSync(join(folder, 'mobile_sam.json'), readFileSync(join(MODELS, 'mobile_sam.json')));
  const { files } = await importDetector(folder, source, { name: `${NAME}_imported` });
  rmSync(source, { recursive: true });
  return join(folder, files.weights.file);
}

/** What a phrase takes before SAM's decode, and an image, in a service with MobileSAM. */
async function measureService(): Promise<void> {
  const service = await ServiceProcess.launch({
    ...{ SAM_MODELS_DIR: folder, SAM_TEXT_MODEL: `${NAME}_imported`, LOG_LEVEL: 'error' },
  });
  try {
    await service.ready();
    const timings = async (path: string, body: Uint8Array | string, type: string) => {
      const init = {
        method: 'POST',
        headers: { 'content-type': type },
        body: body as NonNullable<RequestInit['body']>,
      };
      const answer = await fetch(service.url + path, init);
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as {
        embedding_id: string;
        timings: Record<'detect_ms' | 'text_ms' | 'match_ms', number>;
      };
    };
    const embedded = await timings('/embed?text=true', await draw(scene(1)), 'image/png');
    const { embedding_id } = embedded;
    // Of random weights all patches answer a phrase or none does, as the threshold is; of trained ones a few dozen.
    const ask = async (text: string, text_threshold = 0) => {
      const request = JSON.stringify({ embedding_id, text, max_detections: 1, text_threshold });
      const { text_ms, match_ms } = (await timings('/decode', request, 'application/json')).timings;
      return text_ms + match_ms;
    };
    const fresh: number[] = [];
    const known: number[] = [];
    const without: number[] = [];
    await ask('the first reads the features of the image');
    for (let i = 0; i < PHRASES; i++) {
      fresh.push(await ask(`thing ${i} of many`));
      known.push(await ask(`thing ${i} of many`));
      without.push(await ask(`thing ${i} of many`, 0.999));
    }
    const spread = (all: number[]) => {
      const sorted = all.toSorted((a, b) => a - b).map((ms) => ms.toFixed(1));
      return `${sorted[Math.floor(all.length / 2)]} ms (${sorted[0]} to ${sorted.at(-1)})`;
    };
    const status = readFileSync(`/proc/${service.pid}/status`, 'utf8');
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
    console.log('in a service with MobileSAM:');
    console.log(`  an image, looked at for text   ${embedded.timings.detect_ms.toFixed(0)} ms`);
    console.log(`  a new phrase, before decoding  ${spread(fresh)}`);
    console.log(`  a known one, all patches       ${spread(known)}`);
    console.log(`  a known one, no patch          ${spread(without)}`);
    console.log(`  peak RSS                       ${peak.toFixed(0)} MB`);
  } finally {
    await service.stop();
  }
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
