import { Tensor } from 'onnxruntime-node';
import t from 'tap';
import { toFloat32 } from '#src/core/tensors/float16.js';
import type { FloatTensor } from '#src/onnx/float-tensor.js';
import { toHalfPrecision } from '#src/onnx/precision/half-precision.js';
import { HIERA, type HieraVariant } from '#src/sam/architecture.js';
import { decoderParameters } from '#src/sam/decoder/decoder-parameters.js';
import {
  BACKGROUND,
  hieraParameters,
  recogniseHiera,
} from '#src/sam/encoder/hiera/hiera-parameters.js';
import { buildSam2Encoder } from '#src/sam/encoder/hiera/sam2-encoder.js';
import { relativeDistance } from '../fixtures/distance.js';
import { random } from './fixtures/decoders.js';
import { runGraph } from './fixtures/run-graph.js';
import { imageEmbedHalves, skip, syntheticInput } from './fixtures/sam2-reference.js';
import { compareStages } from './fixtures/sam2-stages.js';

// Photographs are in test/long/sam2-prompts.test.ts.
t.test('every stage of the synthetic input as Meta computes it', { skip }, async (t) => {
  const { image_embed } = await compareStages(t, 'synthetic');
  const distance = relativeDistance(image_embed as Float32Array, toFloat32(imageEmbedHalves()));
  t.ok(distance <= 1e-3, `image_embed is off by ${distance}`);
});

/** Small, with each stage's windows, padding and a global block. */
const TINY: HieraVariant = {
  ...{ dim: 16, heads: 1, stages: [1, 1, 2, 1], windows: [8, 4, 14, 7] },
  globalAttn: [3],
};

function randomWeights(): Map<string, FloatTensor> {
  const next = random(1);
  const shapes = new Map([
    ...hieraParameters(TINY),
    [BACKGROUND, [1, TINY.dim, 7, 7]] as const,
    ...[...decoderParameters('sam2')].filter(([name]) => name.includes('conv_s')),
  ]);
  const tensors = [...shapes].map(([name, shape]) => {
    const length = shape.reduce((product, side) => product * side, 1);
    return [name, { shape, data: Float32Array.from({ length }, () => next() - 0.5) }] as const;
  });
  return new Map(tensors);
}

t.test('both ways to write attention down agree, in 32 bits and nearly in 16', async (t) => {
  const weights = randomWeights();
  const feeds = { input: new Tensor('float32', syntheticInput(), [1, 3, 1024, 1024]) };
  const fused = buildSam2Encoder(TINY, weights, 'fused');
  const byHead = buildSam2Encoder(TINY, weights, 'by-head');
  const exact = await runGraph(fused, feeds);
  const half = toHalfPrecision(byHead, new Set(['LayerNormalization', 'Softmax', 'Resize']));
  for (const [what, model, most] of [
    ['by head', byHead, 1e-5],
    ['in 16 bits', half, 1e-2],
  ] as const) {
    const values = await runGraph(model, feeds);
    for (const name of ['image_embed', 'high_res_s0', 'high_res_s1']) {
      const distance = relativeDistance(values[name] as Float32Array, exact[name] as Float32Array);
      t.ok(distance <= most, `${name} ${what} is off by ${distance}`);
    }
  }
});

t.test('tensors say what encoder they are, or which of them does not fit', async (t) => {
  const positions = (dim: number) => [BACKGROUND, { shape: [1, dim, 7, 7] }] as const;
  for (const variant of Object.values(HIERA)) {
    const shapes = [...hieraParameters(variant)].map(([name, shape]) => [name, { shape }] as const);
    const tensors = new Map([...shapes, positions(variant.dim)]);
    t.same(recogniseHiera(tensors), variant);
    const name = 'image_encoder.neck.convs.2.conv.bias';
    const lacking = new Map(tensors);
    lacking.delete(name);
    t.throws(() => recogniseHiera(lacking), { message: `the tensor "${name}" is missing` });
    const odd = new Map(tensors).set(BACKGROUND, { shape: [1, 1, 7, 7] });
    t.throws(() => recogniseHiera(odd), { message: /pos_embed" must be \[1,\d+,height,width\]/ });
  }
  const own = [...hieraParameters(TINY)].map(([name, shape]) => [name, { shape }] as const);
  const tensors = new Map([...own, positions(TINY.dim)]);
  t.throws(() => recogniseHiera(tensors), { message: /num_heads, window_spec and global_att/ });
  const config = { num_heads: 1, window_spec: [8, 4, 14, 7], global_att_blocks: [3] };
  t.same(recogniseHiera(tensors, config), TINY);
  for (const [wrong, message] of [
    [{ num_heads: 3 }, /3 heads do not divide/],
    [{ window_spec: [8, 4, 14] }, /windows of 4 stages/],
    [{ window_spec: [8, 4, 7, 7] }, /cannot halve windows of 7/],
    [{ window_spec: [8, 4, 14, 0] }, /windows of 0/],
    [{ window_spec: [6, 4, 14, 7] }, /windows of 6, which do not divide its grid of 256/],
    [{ window_spec: [4, 4, 14, 7] }, /pos_embed_window" is \[1,16,8,8\], expected \[1,16,4,4\]/],
    [{ global_att_blocks: [2] }, /whole image in block 2, where a stage begins/],
    [{ global_att_blocks: [5] }, /no block 5, only 5/],
  ] as const) {
    t.throws(() => recogniseHiera(tensors, { ...config, ...wrong }), { message });
  }
});
