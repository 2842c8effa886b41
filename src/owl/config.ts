import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { OperatorError } from '../core/errors.js';
import type { OwlArchitecture, Tower } from './architecture.js';

/** The largest tower there is has 24 layers of 1280 channels: a file may claim anything, and all its names are listed. */
const LAYERS = Type.Integer({ minimum: 1, maximum: 256 });
const LENGTH = Type.Integer({ minimum: 1, maximum: 2 ** 20 });
/** The start and the end of a text, and something between. */
const POSITIONS = Type.Integer({ minimum: 3, maximum: 2 ** 16 });

const TOWER = {
  hidden_size: Type.Optional(LENGTH),
  num_hidden_layers: Type.Optional(LAYERS),
  num_attention_heads: Type.Optional(LENGTH),
  intermediate_size: Type.Optional(LENGTH),
  layer_norm_eps: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
  hidden_act: Type.Optional(Type.Literal('quick_gelu')),
};
const Config = Compile(
  Type.Object({
    model_type: Type.Union([Type.Literal('owlv2'), Type.Literal('owlvit')]),
    projection_dim: Type.Optional(LENGTH),
    text_config: Type.Optional(
      Type.Object({
        ...TOWER,
        vocab_size: Type.Optional(LENGTH),
        max_position_embeddings: Type.Optional(POSITIONS),
      }),
    ),
    vision_config: Type.Optional(
      Type.Object({
        ...TOWER,
        image_size: Type.Optional(LENGTH),
        patch_size: Type.Optional(LENGTH),
        num_channels: Type.Optional(Type.Literal(3)),
      }),
    ),
  }),
);

/** Fields that are the same in all detectors there are, in words. */
const KNOWN: Readonly<Record<string, string>> = {
  model_type: 'must be owlv2 or owlvit: nothing else finds things by text here',
  hidden_act: 'must be quick_gelu, as in all published models',
  num_channels: 'must be 3, red, green and blue',
};

/** What transformers leaves out of the files it writes: the defaults of `Owlv2TextConfig` and its like. */
const DEFAULTS = {
  projection: 512,
  epsilon: 1e-5,
  text: { width: 512, layers: 12, heads: 8, hidden: 2048, vocabulary: 49408, positions: 16 },
  image: { width: 768, layers: 12, heads: 12, hidden: 3072, imageSize: 768 },
  patchSize: { owlv2: 16, owlvit: 32 },
};

/**
 * Reads the `config.json` that stands beside Hugging Face's weights.
 * @throws OperatorError naming the field that is malformed or not of a detector we can build.
 */
export function readConfig(json: string): OwlArchitecture {
  const { model_type: family, projection_dim, ...towers } = parse(json);
  const { text_config = {}, vision_config = {} } = towers;
  const text = {
    ...towerOf('text_config', text_config, DEFAULTS.text),
    vocabulary: text_config.vocab_size ?? DEFAULTS.text.vocabulary,
    positions: text_config.max_position_embeddings ?? DEFAULTS.text.positions,
  };
  const image = {
    ...towerOf('vision_config', vision_config, DEFAULTS.image),
    imageSize: vision_config.image_size ?? DEFAULTS.image.imageSize,
    patchSize: vision_config.patch_size ?? DEFAULTS.patchSize[family],
  };
  const projection = projection_dim ?? DEFAULTS.projection;
  if (projection !== text.width) {
    const message = `projection_dim is ${projection}, and the text's hidden_size ${text.width}`;
    throw new OperatorError(`${message}: the two must be the same`);
  }
  if (image.imageSize < image.patchSize) {
    throw new OperatorError(`an image_size of ${image.imageSize} is less than a patch`);
  }
  return { family, text, image };
}

function parse(json: string) {
  let content: unknown;
  try {
    // Older files say null where they mean nothing.
    content = JSON.parse(json, (_key, value) => value ?? undefined);
  } catch (cause) {
    throw new OperatorError(`it is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (Config.Check(content)) return content;
  const [error] = Config.Errors(content);
  const path = error?.instancePath ?? '';
  const known = KNOWN[path.split('/').at(-1) ?? ''];
  throw new OperatorError(`${path} ${known ?? error?.message ?? 'is malformed'}`.trim());
}

interface TowerConfig {
  readonly hidden_size?: number;
  readonly num_hidden_layers?: number;
  readonly num_attention_heads?: number;
  readonly intermediate_size?: number;
  readonly layer_norm_eps?: number;
}

function towerOf(name: string, config: TowerConfig, defaults: Omit<Tower, 'epsilon'>): Tower {
  const tower = {
    width: config.hidden_size ?? defaults.width,
    layers: config.num_hidden_layers ?? defaults.layers,
    heads: config.num_attention_heads ?? defaults.heads,
    hidden: config.intermediate_size ?? defaults.hidden,
    epsilon: config.layer_norm_eps ?? DEFAULTS.epsilon,
  };
  if (tower.width % tower.heads !== 0) {
    throw new OperatorError(
      `/${name}: ${tower.heads} heads do not divide ${tower.width} channels evenly`,
    );
  }
  return tower;
}
