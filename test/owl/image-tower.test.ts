import { Tensor } from 'onnxruntime-node';
import t, { type Test } from 'tap';
import { classLogits } from '#src/detections/class-logits.js';
import { Features, toFeatures } from '#src/detections/features.js';
import { toHalfPrecision } from '#src/onnx/precision/half-precision.js';
import type { OwlArchitecture } from '#src/owl/architecture.js';
import { boxBias, EXACT_BOXES } from '#src/owl/box-head.js';
import { buildImageTower } from '#src/owl/image-tower.js';
import { imageParameters } from '#src/owl/parameters.js';
import { maxDifference, random } from '../sam/fixtures/decoders.js';
import { runGraph } from '../sam/fixtures/run-graph.js';
import {
  expected,
  formulaPicture,
  misfit,
  referenceArchitecture,
  referenceCheckpoint,
  referencePixels,
  type Sampled,
  skip,
} from './fixtures/reference.js';

/** Stages by the names the reference has for them, as the nodes that make them. */
const STAGES: Record<string, string> = {
  patches: 'owlv2.vision_model.embeddings.Transpose',
  embeddings: 'owlv2.vision_model.embeddings.Add',
  pre_layernorm: 'owlv2.vision_model.pre_layernorm.LayerNormalization',
  layer0: 'owlv2.vision_model.encoder.layers.0.Add_1',
  layer1: 'owlv2.vision_model.encoder.layers.1.Add_1',
  layer2: 'owlv2.vision_model.encoder.layers.2.Add_1',
  post_layernorm: 'owlv2.vision_model.post_layernorm.LayerNormalization',
  merged: 'Mul',
  image_embeds: 'layer_norm.LayerNormalization',
  class_embeds: 'class_embeds',
  logit_shift: 'logit_shift',
  logit_scale: 'logit_scale',
  objectness_logits: 'objectness_logits',
  box_raw: 'box_head.dense2.Gemm',
  boxes: 'pred_boxes',
};
const INSIDE = Object.values(STAGES).filter((name) => name.includes('.') || name === 'Mul');

function picture(side: number): Record<string, Tensor> {
  return { pixel_values: new Tensor('float32', formulaPicture(side), [1, 3, side, side]) };
}

type Values = Readonly<Record<string, Float32Array | undefined>>;

/** Every stage that the reference tells of a picture, at its tolerance. @param queries of the reference's texts. */
function compare(t: Test, values: Values, stages: Readonly<Record<string, Sampled>>, grid: number) {
  const queries = expected().text.map(({ query_embedding }) => Float32Array.from(query_embedding));
  const features = new Features(
    toFeatures(
      {
        classEmbeds: values['class_embeds'] as Float32Array,
        boxes: values['pred_boxes'] as Float32Array,
        logitShift: values['logit_shift'] as Float32Array,
        logitScale: values['logit_scale'] as Float32Array,
      },
      'float32',
    ),
  );
  const logits = classLogits(features, queries);
  const byPatch = Array.from({ length: features.patches }, (_, patch) =>
    logits.map((each) => each[patch] as number),
  );
  const others: Values = {
    box_bias: boxBias(grid).data,
    class_logits: Float32Array.from(byPatch.flat()),
  };
  const tolerances: Record<string, number> = { boxes: 2e-5, class_logits: 5e-4 };
  for (const [stage, right] of Object.entries(stages)) {
    const found = others[stage] ?? values[STAGES[stage] ?? ''];
    const share = misfit(found, right, tolerances[stage]);
    t.ok(share <= 1, `${stage}: ${share} of what is allowed`);
  }
}

for (const attention of ['fused', 'by-head'] as const) {
  t.test(`${attention}: every stage as the reference computes it`, { skip }, async (t) => {
    const { tensors, folder, close } = referenceCheckpoint();
    t.teardown(close);
    const { formula, photos, reduced } = expected();
    const run = async (imageSize: number, pixels: Float32Array) => {
      const model = buildImageTower(referenceArchitecture(), tensors, { imageSize, attention });
      const pixel_values = new Tensor('float32', pixels, [1, 3, imageSize, imageSize]);
      return runGraph(model, { pixel_values }, { folder, inside: INSIDE });
    };
    await t.test('of a formula', async (t) => {
      t.same(
        Object.keys(STAGES).filter((stage) => !formula.stages[stage]),
        [],
      );
      compare(t, await run(240, formulaPicture(240)), formula.stages, 15);
    });
    for (const [file, { stages }] of Object.entries(photos)) {
      await t.test(`of ${file}`, async (t) => {
        compare(t, await run(240, await referencePixels(file, 240)), stages, 15);
      });
    }
    await t.test('of a smaller picture', async (t) => {
      const { image, size, grid } = reduced;
      compare(t, await run(size, await referencePixels(image, size)), reduced.stages, grid);
    });
  });
}

/** Weights big enough for all of them to matter. */
function randomWeights(architecture: OwlArchitecture) {
  const next = random(1);
  return new Map(
    [...imageParameters(architecture)].map(([name, shape]) => {
      const length = shape.reduce((product, side) => product * side, 1);
      const data = Float32Array.from({ length }, () => (next() - 0.5) * 0.5);
      if (/norm\d?\.weight$/.test(name)) data.fill(1);
      return [name, { shape, data }];
    }),
  );
}

const TINY: OwlArchitecture = {
  family: 'owlv2',
  text: { width: 8, layers: 1, heads: 2, hidden: 16, epsilon: 1e-5, vocabulary: 9, positions: 4 },
  image: { width: 32, layers: 2, heads: 2, hidden: 64, epsilon: 1e-5, imageSize: 64, patchSize: 8 },
};

t.test('all ways to write attention down agree, alone and in a batch', async (t) => {
  const weights = randomWeights(TINY);
  const pixels = formulaPicture(64);
  const batch = new Float32Array([...pixels.slice().reverse(), ...pixels]);
  const by = (attention: 'fused' | 'by-head') =>
    buildImageTower(TINY, weights, { imageSize: 64, attention });
  const alone = await runGraph(by('by-head'), picture(64));
  const together = await runGraph(by('fused'), {
    pixel_values: new Tensor('float32', batch, [2, 3, 64, 64]),
  });
  for (const [name, values] of Object.entries(alone)) {
    const both = together[name] as Float32Array;
    const [other, same] = [both.subarray(0, values.length), both.subarray(values.length)];
    t.ok(maxDifference(same, values) <= 1e-4, name);
    t.ok(maxDifference(other, values) > 1e-3, `${name} of another picture`);
  }
});

t.test('a picture that patches do not fill is looked at as far as they go', async (t) => {
  const odd = { ...TINY, image: { ...TINY.image, imageSize: 60 } };
  const weights = randomWeights(odd);
  t.same(weights.get('owlv2.vision_model.embeddings.position_embedding.weight')?.shape, [50, 32]);
  const model = buildImageTower(odd, weights, { imageSize: 60, attention: 'fused' });
  const values = await runGraph(model, picture(60));
  t.equal(values['pred_boxes']?.length, 4 * 49);
});

t.test('in 16 bits it is nearly the same, and boxes end in 32', async (t) => {
  const weights = randomWeights(TINY);
  const model = buildImageTower(TINY, weights, { imageSize: 64, attention: 'by-head' });
  const exact = await runGraph(model, picture(64));
  const half = toHalfPrecision(model, new Set(['LayerNormalization', 'Softmax', ...EXACT_BOXES]));
  const values = await runGraph(half, picture(64));
  for (const [name, right] of Object.entries(exact)) {
    const difference = maxDifference(values[name] as Float32Array, right);
    t.ok(difference > 1e-7 && difference <= 2e-2, `${name} is off by ${difference}`);
  }
  for (const { name, inputs } of half.graph.nodes) {
    if (name === 'box_head.Sigmoid') t.notMatch(inputs[0], / in half$/);
  }
});

t.test('an OWL-ViT has names of its own and no objectness', async (t) => {
  const first = { ...TINY, family: 'owlvit' } as const;
  const weights = randomWeights(first);
  t.ok([...weights.keys()].every((name) => !/objectness|owlv2/.test(name)));
  const model = buildImageTower(first, weights, { imageSize: 64, attention: 'fused' });
  const values = await runGraph(model, picture(64));
  t.same(Object.keys(values).sort(), ['class_embeds', 'logit_scale', 'logit_shift', 'pred_boxes']);
});
