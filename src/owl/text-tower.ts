import type { FloatTensor } from '../onnx/float-tensor.js';
import { Graph } from '../onnx/graph.js';
import type { Parameters } from '../onnx/graph-draft.js';
import type { Value } from '../onnx/graph-scope.js';
import type { ModelProto } from '../onnx/proto.js';
import type { OwlArchitecture, TextTower } from './architecture.js';
import { encoder } from './encoder.js';
import { layerNorm, projection } from './layers.js';

/**
 * The text tower as an ONNX model: CLIP's causal transformer (Radford et al., 2021), the row of whose end token becomes
 * a query. What stands behind that token cannot reach it, so texts are given without padding, and those of one length
 * together.
 *
 * Input `input_ids` [B,S] of int64, each row with its start and, last, its end token; S up to `positions`. Output
 * `text_embeds` [B,width], each of length 1.
 * @param parameters by Hugging Face's names.
 * @throws Error naming a weight that is missing.
 */
export function buildTextTower(
  { family, text }: OwlArchitecture,
  parameters: Parameters,
): ModelProto {
  const graph = Graph.create('owl_text_tower', parameters);
  const ids = graph.input('input_ids', ['B', 'S'], 'int64');
  const g = graph.scope(family);

  const pooled = textModel(g.scope('text_model'), ids, text);
  const embeds = projection(g.scope('text_projection'), pooled);
  const query = g.div(embeds, g.reduceL2(embeds, 1));

  graph.output('text_embeds', query, ['B', text.width]);
  return graph.toModel();
}

/** Where a slice ends that goes to the end. */
const END = 2 ** 31 - 1;

/** ids [B,S] -> [B,C], the last token of each. */
function textModel(g: Graph, ids: Value<'int64'>, tower: TextTower): Value {
  const { width, positions, epsilon } = tower;
  const length = g.shape(ids, 1, 2);
  const embedded = embeddings(g.scope('embeddings'), ids, length); // [B,S,C]
  const mask = g.tensor('causal_mask', causalMask(positions));
  const tokens = {
    shape: g.shape(ids, 0, 2),
    attention: { mask: g.slice(g.slice(mask, 0, 0, length), 1, 0, length) },
  };
  const rows = encoder(g.scope('encoder'), g.reshape(embedded, [-1, width]), tower, tokens);
  const normalised = layerNorm(g.scope('final_layer_norm'), rows, epsilon);
  const texts = g.reshape(normalised, g.concat([tokens.shape, g.ints([width])], 0));
  return g.reshape(g.slice(texts, 1, -1, END), [-1, width]);
}

function embeddings(g: Graph, ids: Value<'int64'>, length: Value<'int64'>): Value {
  const tokens = g.gather(g.scope('token_embedding').parameter('weight'), ids);
  const positions = g.scope('position_embedding').parameter('weight'); // [positions,C]
  return g.add(tokens, g.slice(positions, 0, 0, length));
}

/** [length,length]: minus infinity where a token would see one behind it. */
function causalMask(length: number): FloatTensor {
  const data = Float32Array.from({ length: length * length }, (_, at) =>
    at % length > Math.floor(at / length) ? Number.NEGATIVE_INFINITY : 0,
  );
  return { shape: [length, length], data };
}
