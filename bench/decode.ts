import { InferenceSession, Tensor } from 'onnxruntime-node';
import { MaskDecoder, type PromptBatch } from '../src/engine/mask-decoder.js';
import { buildPaperDecoder } from '../src/sam/paper/decoder.js';
import { readDecoderWeights } from '../src/sam/weights/exported-decoder.js';
import {
  asEmbedding,
  randomEmbedding,
  randomPoints,
  shippedDecoder,
} from '../test/sam/fixtures/decoders.js';
import { clickShares } from './click-shares.js';
import { clicks } from './clicks.js';
import { CLIENTS, type Contender, contest, load, photograph, report } from './contest.js';
import { interleaved } from './interleaved.js';

process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

/** The graphs by themselves: one thread each, one point a prompt, three masks, an image of 1800x1200 pixels. */
const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
const shipped = await InferenceSession.create(shippedDecoder, options);
const weights = readDecoderWeights(shippedDecoder);
const plain = await InferenceSession.create(buildPaperDecoder(weights), options);
const gpuTurn = new SharedArrayBuffer(4);
const fast = await MaskDecoder.open(weights, { device: 'cpu', threads: 1, gpuTurn });

const embedding = randomEmbedding(1);
const image_embeddings = new Tensor('float32', embedding, [1, 256, 64, 64]);
const image = asEmbedding(embedding);
const context = await fast.context(image);

/** The same prompts as each of the three takes them. */
function prompts(count: number, seed: number, withMask = false) {
  const all = Array.from({ length: count }, (_, i) => randomPoints(1, seed + i));
  const coords = Float32Array.from(all.flatMap((prompt) => prompt.coords));
  const labels = Float32Array.from(all.flatMap((prompt) => prompt.labels));
  const maskInput = new Float32Array(count * 65536).map((_, i) => Math.sin(i / 500) * 8);
  const feeds = {
    image_embeddings,
    point_coords: new Tensor('float32', coords, [count, 2, 2]),
    point_labels: new Tensor('float32', labels, [count, 2]),
    mask_input: new Tensor('float32', maskInput, [count, 1, 256, 256]),
    has_mask_input: new Tensor('float32', new Float32Array(count).fill(withMask ? 1 : 0), [count]),
  };
  const orig_im_size = new Tensor('float32', Float32Array.of(1200, 1800), [2]);
  const batch: PromptBatch = {
    coords,
    labels,
    prompts: count,
    maskInput: withMask ? maskInput : undefined,
  };
  return { plain: feeds, shipped: { ...feeds, orig_im_size }, batch };
}

/** Until a collection frees the masks of earlier runs, each run has its own in new memory. A batch is done with that sooner. */
const STEADY = { warmUp: 50 } as const;

const one = prompts(1, 2);
await interleaved(
  'one point',
  [
    { name: 'sam.onnx as shipped, one mask', run: () => shipped.run(one.shipped) },
    { name: 'our plain graph, four masks', run: () => plain.run(one.plain) },
    { name: 'our fast graph, three masks', run: () => fast.run(context, one.batch, true) },
    { name: 'our fast graph, one mask', run: () => fast.run(context, one.batch, false) },
    { name: 'the context, once an image', run: () => fast.context(image) },
  ],
  STEADY,
);
await clicks();
const sixteen = prompts(16, 3);
await interleaved('16 prompts of one point, each', [
  { name: 'sam.onnx as shipped, one by one', run: () => shipped.run(one.shipped) },
  { name: 'our plain graph, one batch', units: 16, run: () => plain.run(sixteen.plain) },
  {
    name: 'our fast graph, three masks',
    units: 16,
    run: () => fast.run(context, sixteen.batch, true),
  },
]);
const masked = prompts(1, 4, true);
await interleaved(
  'one point and a mask',
  [
    { name: 'sam.onnx as shipped, one mask', run: () => shipped.run(masked.shipped) },
    { name: 'our plain graph, four masks', run: () => plain.run(masked.plain) },
    { name: 'our fast graph, one mask', run: () => fast.run(context, masked.batch, false) },
  ],
  STEADY,
);

/** POST /decode with one box, one mask of 1600x1200 pixels as RLE. */
await contest(async (ours, weekend) => {
  const image = await photograph();
  const requestFor = async (contender: Contender) => {
    const prompt = { embedding_id: await contender.embed(image), box: [160, 160, 560, 560] };
    const body = Buffer.from(JSON.stringify(prompt));
    return { path: '/decode', type: 'application/json', body: () => body };
  };
  const [a, b] = [await requestFor(ours), await requestFor(weekend)];
  // Ours has three masks for a point; the weekend's one mask, for a box, takes as long as any.
  const point = { embedding_id: await ours.embed(image), point_coords: [[360, 360]] };
  const threeMasks = Buffer.from(JSON.stringify({ ...point, point_labels: [1] }));
  const three = { ...a, body: () => threeMasks };
  await load(ours, a, 4, 20);
  await load(weekend, b, 4, 20);
  await load(ours, three, 1, 20);
  await clickShares(ours, threeMasks);
  const lone = await load(ours, three, 1, 100);
  report('three masks, 1 client (<= 0.36x)', lone, await load(weekend, b, 1, 100));
  for (const clients of CLIENTS) {
    const score = await load(ours, a, clients, 100);
    report(`decode, ${clients} clients`, score, await load(weekend, b, clients, 100));
  }
});
