import { existsSync, readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import t, { type Test } from 'tap';
import { type Checkpoint, openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { OperatorError } from '#src/core/errors.js';
import { toFloat32 } from '#src/core/tensors/float16.js';
import { concat } from '#src/core/tensors/tensor.js';
import { MaskDecoder } from '#src/engine/mask-decoder.js';
import type { FloatTensor } from '#src/onnx/float-tensor.js';
import { toHalfPrecision } from '#src/onnx/precision/half-precision.js';
import type { ModelProto } from '#src/onnx/proto.js';
import { VIT } from '#src/sam/architecture.js';
import { buildVit } from '#src/sam/encoder/vit.js';
import { recogniseVit, vitParameters } from '#src/sam/encoder/vit-parameters.js';
import { decoderWeights } from '#src/sam/weights/state-dict.js';
import { relativeDistance } from '../fixtures/distance.js';
import { asEmbedding, maxDifference, random } from './fixtures/decoders.js';
import { runGraph } from './fixtures/run-graph.js';

const REFERENCE = new URL('../../../shared/reference/vit/', import.meta.url);
const SIDE = 1024;

interface Expected {
  readonly samples: Record<string, readonly number[]>;
  readonly decode_in_model_frame: readonly {
    readonly kind: string;
    readonly point_coords: readonly (readonly number[])[] | null;
    readonly point_labels: readonly number[] | null;
    readonly box: readonly number[] | null;
    readonly multimask_output: boolean;
    readonly iou: readonly number[];
    readonly low_res_sample: readonly number[];
  }[];
}

/** Runs an encoder and returns, beside its output, the values named in `inside`. */
function run(
  model: ModelProto,
  input: Float32Array,
  options?: Parameters<typeof runGraph>[2],
): Promise<Record<string, Float32Array>> {
  const batch = input.length / (3 * SIDE * SIDE);
  return runGraph(model, { input: new Tensor('float32', input, [batch, 3, SIDE, SIDE]) }, options);
}

/** Every stage's value by the name the reference has for it. */
const STAGES: Record<string, string> = {
  patch_embed: 'image_encoder.patch_embed.Transpose',
  pos_embed: 'image_encoder.Add',
  block0: 'image_encoder.blocks.0.Add_1',
  block1: 'image_encoder.blocks.1.Add_1',
  block2: 'image_encoder.blocks.2.Add_1',
  block3: 'image_encoder.blocks.3.Add_1',
  embedding: 'image_embeddings',
};

function referenceInput(): Float32Array {
  const input = new Float32Array(3 * SIDE * SIDE);
  for (let c = 0, at = 0; c < 3; c++) {
    for (let i = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++, at++) {
        const wave = 2 * Math.sin(0.37 * c + 0.011 * i + 0.017 * j);
        input[at] = wave + 0.5 * Math.sin(1.3 * c + 0.21 * i - 0.13 * j);
      }
    }
  }
  return input;
}

/** The greatest distance of samples from what is expected, as a share of 2e-4 of it plus its rounding. */
function misfit(values: Float32Array, expected: readonly number[]): number {
  const step = Math.max(1, Math.floor(values.length / 24));
  const shares = expected.map((value, i) => {
    const allowed = 2e-4 * Math.abs(value) + 1e-5;
    return Math.abs((values[i * step] as number) - value) / allowed;
  });
  return Math.max(...shares);
}

const skip = existsSync(new URL('expected.json', REFERENCE))
  ? false
  : 'the reference checkpoint is not on this machine';

for (const file of ['sam_vit_test.pth', 'model.safetensors']) {
  t.test(`${file}: every stage as the reference computes it`, { skip }, async (t) => {
    const expected = JSON.parse(
      readFileSync(new URL('expected.json', REFERENCE), 'utf8'),
    ) as Expected;
    const checkpoint = openCheckpoint(new URL(file, REFERENCE).pathname);
    t.teardown(() => checkpoint.close());
    const variant = recogniseVit(checkpoint.tensors);
    t.same(variant, { depth: 4, dim: 96, heads: 6, globalAttn: [1, 3] });
    const model = buildVit(variant, checkpoint.tensors, 'fused');
    const values = await run(model, referenceInput(), {
      folder: checkpoint.folder,
      inside: Object.values(STAGES).filter((name) => name !== 'image_embeddings'),
    });
    for (const [stage, name] of Object.entries(STAGES)) {
      const share = misfit(values[name] as Float32Array, expected.samples[stage] ?? []);
      t.ok(share <= 1, `${stage}: ${share} of what is allowed`);
    }
    const embedding = values['image_embeddings'] as Float32Array;
    const distance = relativeDistance(embedding, referenceEmbedding());
    t.ok(distance <= 1e-3, `the embedding is off by ${distance} of its norm`);
    await decodes(t, checkpoint, embedding, expected);
  });
}

async function decodes(
  t: Test,
  checkpoint: Checkpoint,
  embedding: Float32Array,
  { decode_in_model_frame }: Expected,
): Promise<void> {
  const options = { device: 'cpu', threads: 2, gpuTurn: new SharedArrayBuffer(4) } as const;
  const decoder = await MaskDecoder.open(decoderWeights(checkpoint.tensors), options);
  const context = await decoder.context(asEmbedding(embedding));
  for (const { kind, point_coords, point_labels, box, ...expected } of decode_in_model_frame) {
    // The reference gives coordinates in the model's frame, so nothing is to be scaled.
    const batch = {
      coords: Float32Array.from([...(point_coords ?? []).flat(), ...(box ?? [0, 0])]),
      labels: Float32Array.from([...(point_labels ?? []), ...(box ? [2, 3] : [-1])]),
      prompts: 1,
    };
    const masks = await decoder.run(context, batch, expected.multimask_output);
    const share = misfit(concat(masks.map(({ logits }) => logits)), expected.low_res_sample);
    t.ok(share <= 1, `${kind}: logits ${share} of what is allowed`);
    const predicted = Float32Array.from(masks, ({ predictedIou }) => predictedIou);
    const iou = misfit(predicted, expected.iou);
    t.ok(iou <= 1, `${kind}: IoU ${iou} of what is allowed`);
  }
}

/** The whole embedding that the reference computed. */
function referenceEmbedding(): Float32Array {
  const file = readFileSync(new URL('embedding.f16.npy', REFERENCE));
  const halves = file.subarray(file.length - 2 * 256 * 64 * 64);
  return toFloat32(new Uint16Array(new Uint8Array(halves).buffer));
}

const TINY = { depth: 2, dim: 32, heads: 2, globalAttn: [1] };

/** Weights big enough for positions to matter; `others` have another shape than TINY asks for. */
function randomWeights(others: Record<string, readonly number[]> = {}) {
  const next = random(1);
  const weights = new Map<string, FloatTensor>();
  for (const [name, asked] of vitParameters(TINY)) {
    const shape = others[name] ?? asked;
    const length = shape.reduce((product, side) => product * side, 1);
    weights.set(name, { shape, data: Float32Array.from({ length }, () => next() - 0.5) });
  }
  return weights;
}

t.test('all ways to write attention down agree, alone and in a batch', async (t) => {
  const weights = randomWeights();
  const input = referenceInput();
  const batch = new Float32Array(2 * input.length);
  batch.set(input.slice().reverse());
  batch.set(input, input.length);
  const { image_embeddings: plain = input } = await run(buildVit(TINY, weights, 'plain'), input);
  t.ok(
    plain.some((value) => Math.abs(value) > 1),
    'the answer is worth comparing',
  );
  for (const kind of ['by-head', 'fused'] as const) {
    const { image_embeddings: output = input } = await run(buildVit(TINY, weights, kind), batch);
    const [other, same] = [output.subarray(0, plain.length), output.subarray(plain.length)];
    const difference = maxDifference(same, plain);
    t.ok(difference <= 1e-4, `${kind} differs from plain by ${difference}`);
    t.ok(maxDifference(other, plain) > 1e-2, `${kind} answers another image otherwise`);
  }
});

t.test('in 16 bits it is nearly the same', async (t) => {
  const keep = new Set(['LayerNormalization', 'Softmax', 'Resize']);
  const weights = randomWeights({ 'image_encoder.blocks.1.attn.rel_pos_w': [63, 16] });
  const input = referenceInput();
  for (const kind of ['by-head', 'fused'] as const) {
    const model = buildVit(TINY, weights, kind);
    const { image_embeddings: exact = input } = await run(model, input);
    const half = toHalfPrecision(model, keep);
    const { image_embeddings: output = input } = await run(half, input);
    const distance = relativeDistance(output, exact);
    t.ok(distance > 1e-5 && distance <= 1e-2, `${kind} is off by ${distance} of its norm`);
    for (const { op, inputs } of half.graph.nodes) {
      const halves = inputs.filter((name) => name.endsWith(' in half'));
      if (keep.has(op)) t.same(halves, [], `${op} computes in 32 bits`);
    }
  }
});

t.test('relative positions learned for another size are interpolated', async (t) => {
  const name = 'image_encoder.blocks.0.attn.rel_pos_h';
  const weights = randomWeights({ [name]: [13, 16] });
  const interpolated = new Map(weights).set(name, interpolate(weights.get(name), 27));
  const input = referenceInput();
  const { image_embeddings: ours = input } = await run(buildVit(TINY, weights, 'fused'), input);
  const { image_embeddings: output = input } = await run(
    buildVit(TINY, interpolated, 'fused'),
    input,
  );
  t.ok(maxDifference(ours, output) <= 1e-4);
});

/** PyTorch's `interpolate` along the first axis, mode linear, corners not aligned. */
function interpolate(table: FloatTensor | undefined, length: number): FloatTensor {
  const { shape, data } = table as FloatTensor;
  const [learned = 0, channels = 0] = shape;
  const result = new Float32Array(length * channels);
  for (let i = 0; i < length; i++) {
    const at = Math.max(0, ((i + 0.5) * learned) / length - 0.5);
    const below = Math.floor(at);
    const above = Math.min(below + 1, learned - 1);
    for (let c = 0; c < channels; c++) {
      const [a, b] = [data[below * channels + c] as number, data[above * channels + c] as number];
      result[i * channels + c] = a + (b - a) * (at - below);
    }
  }
  return { shape: [length, channels], data: result };
}

t.test('tensors say what encoder they are, or which of them does not fit', async (t) => {
  for (const variant of [TINY, ...Object.values(VIT)]) {
    const shapes = [...vitParameters(variant)].map(([name, shape]) => [name, { shape }] as const);
    const tensors = new Map(shapes);
    t.same(recogniseVit(tensors), variant);
    const lacking = (name: string) => new Map(shapes.filter(([other]) => other !== name));
    for (const name of ['image_encoder.pos_embed', 'image_encoder.blocks.1.mlp.lin2.bias']) {
      const message = `the tensor "${name}" is missing`;
      t.throws(() => recogniseVit(lacking(name)), new OperatorError(message));
    }
    const name = 'image_encoder.neck.2.weight';
    const odd = new Map(tensors).set(name, { shape: [256, 256, 1, 1] });
    t.throws(() => recogniseVit(odd), {
      message: `the tensor "${name}" is [256,256,1,1], expected [256,256,3,3]`,
    });
  }
  t.throws(() => decoderWeights(new Map()), {
    message: /tensor "prompt_encoder\.[a-z_.]+" is missing/,
  });
});
