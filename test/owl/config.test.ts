import t from 'tap';
import { readConfig } from '#src/owl/config.js';
import { imageParameters, textParameters } from '#src/owl/parameters.js';
import { referenceArchitecture, referenceCheckpoint, skip } from './fixtures/reference.js';

/** As the files of google/owlv2-base-patch16-ensemble and google/owlv2-large-patch14-ensemble have it. */
const BASE = { model_type: 'owlv2', text_config: {}, vision_config: { image_size: 960 } };
const LARGE = {
  model_type: 'owlv2',
  projection_dim: 768,
  text_config: { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12 },
  vision_config: {
    hidden_size: 1024,
    image_size: 1008,
    intermediate_size: 4096,
    num_attention_heads: 16,
    num_hidden_layers: 24,
    patch_size: 14,
  },
};

/** Weights, and the numbers in them. */
function count(parameters: ReadonlyMap<string, readonly number[]>): [number, number] {
  const numbers = [...parameters.values()].map((shape) => shape.reduce((a, b) => a * b, 1));
  return [numbers.length, numbers.reduce((a, b) => a + b, 0)];
}

t.test('fields that are missing are those of the base model', async (t) => {
  const base = readConfig(JSON.stringify(BASE));
  t.same(base.text, {
    ...{ width: 512, layers: 12, heads: 8, hidden: 2048 },
    ...{ epsilon: 1e-5, vocabulary: 49408, positions: 16 },
  });
  t.same(base.image, {
    ...{ width: 768, layers: 12, heads: 12, hidden: 3072 },
    ...{ epsilon: 1e-5, imageSize: 960, patchSize: 16 },
  });
  // The published files have two weights more, which finding does not need: visual_projection and logit_scale.
  t.same(count(imageParameters(base))[0] + count(textParameters(base))[0], 418 - 2);
  const unused = 512 * 768 + 1;
  t.equal(count(imageParameters(base))[1] + count(textParameters(base))[1], 154_966_792 - unused);
});

t.test('the large model', async (t) => {
  const large = readConfig(JSON.stringify(LARGE));
  t.equal(count(imageParameters(large))[0] + count(textParameters(large))[0], 610 - 2);
  const unused = 768 * 1024 + 1;
  t.equal(count(imageParameters(large))[1] + count(textParameters(large))[1], 437_610_760 - unused);
});

t.test('OWL-ViT has larger patches where its file says nothing, and null is nothing', async (t) => {
  const first = readConfig('{"model_type":"owlvit","text_config":null,"vision_config":null}');
  t.match(first, { family: 'owlvit', image: { imageSize: 768, patchSize: 32 } });
});

t.test('the reference is what its file says', { skip }, async (t) => {
  const architecture = referenceArchitecture();
  const { tensors, close } = referenceCheckpoint();
  t.teardown(close);
  for (const parameters of [textParameters(architecture), imageParameters(architecture)]) {
    for (const [name, shape] of parameters) t.same(tensors.get(name)?.shape, shape, name);
  }
});

t.test('what we cannot build is refused by its field', async (t) => {
  const refused = (config: unknown, message: string | RegExp) =>
    t.throws(() => readConfig(JSON.stringify(config)), { name: 'OperatorError', message });
  refused([], /must be object/);
  refused({}, /must have required properties model_type/);
  refused({ ...BASE, model_type: 'clip' }, /\/model_type/);
  refused(
    { ...BASE, text_config: { hidden_act: 'gelu' } },
    /\/text_config\/hidden_act must be quick_gelu/,
  );
  refused(
    { ...BASE, vision_config: { num_hidden_layers: 1e9 } },
    /num_hidden_layers must be <= 256/,
  );
  refused({ ...BASE, vision_config: { hidden_size: -1 } }, /hidden_size must be >= 1/);
  refused({ ...BASE, vision_config: { hidden_size: 2 ** 40 } }, /hidden_size must be <=/);
  refused({ ...BASE, vision_config: { layer_norm_eps: '1e-5' } }, /layer_norm_eps must be number/);
  refused({ ...BASE, vision_config: { num_attention_heads: 7 } }, /7 heads do not divide 768/);
  refused({ ...BASE, text_config: { max_position_embeddings: 2 } }, /embeddings must be >= 3/);
  refused({ ...BASE, projection_dim: 768 }, /projection_dim is 768/);
  refused({ ...BASE, vision_config: { image_size: 8 } }, /less than a patch/);
  t.throws(() => readConfig('{'), { name: 'OperatorError', message: /it is not JSON/ });
});
