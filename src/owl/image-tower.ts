import { Graph } from '../onnx/graph.js';
import type { Parameters } from '../onnx/graph-draft.js';
import type { Value } from '../onnx/graph-scope.js';
import type { ModelProto } from '../onnx/proto.js';
import { gridOf, type ImageTower, type OwlArchitecture } from './architecture.js';
import type { AttentionKind } from './attention.js';
import { boxHead } from './box-head.js';
import { classHead } from './class-head.js';
import { encoder } from './encoder.js';
import { layerNorm } from './layers.js';
import { mlpHead } from './mlp-head.js';

/** What the image tower is built for. */
export interface ImageTowerOptions {
  /** Side of the square picture, in pixels: a multiple of a patch, and at most the side it was trained for. */
  readonly imageSize: number;
  readonly attention: AttentionKind;
}

/**
 * The image tower and its heads as an ONNX model: a plain vision transformer (Dosovitskiy et al., 2020) each of whose P
 * patches, row by row, proposes one box and one class vector (Minderer et al., 2022, 2023). It knows nothing of texts.
 *
 * Input `pixel_values` [B,3,S,S], normalised. Outputs
 * - `class_embeds` [B,P,width of the text tower], as they are: to be divided by their lengths,
 * - `logit_shift` [B,P] and `logit_scale` [B,P], of the logits that queries will give,
 * - `pred_boxes` [B,P,4], cx cy w h as shares of the square,
 * - `objectness_logits` [B,P], of OWLv2 only.
 * @param parameters by Hugging Face's names.
 * @throws Error naming a weight that is missing.
 */
export function buildImageTower(
  { family, text, image }: OwlArchitecture,
  parameters: Parameters,
  { imageSize, attention }: ImageTowerOptions,
): ModelProto {
  const graph = Graph.create('owl_image_tower', parameters);
  const { patchSize, width, epsilon } = image;
  const grid = gridOf(imageSize, patchSize);
  const patches = grid * grid;
  const pixels = graph.input('pixel_values', ['B', 3, imageSize, imageSize]);

  const tokens = visionModel(graph.scope(`${family}.vision_model`), pixels, image, {
    grid,
    attention,
  });
  const merged = mergeClassToken(graph, tokens, patches); // [B,P,C]
  const rows = graph.reshape(merged, [-1, width]);
  const embeds = layerNorm(graph.scope('layer_norm'), rows, epsilon); // [B*P,C]

  const { classEmbeds, shift, scale } = classHead(graph.scope('class_head'), embeds);
  const perPatch = (x: Value) => graph.reshape(x, [-1, patches]);
  const perPatchRow = (x: Value, length: number) => graph.reshape(x, [-1, patches, length]);
  graph.output('class_embeds', perPatchRow(classEmbeds, text.width), ['B', patches, text.width]);
  graph.output('logit_shift', perPatch(shift), ['B', patches]);
  graph.output('logit_scale', perPatch(scale), ['B', patches]);
  const boxes = boxHead(graph.scope('box_head'), embeds, grid);
  graph.output('pred_boxes', boxes, ['B', patches, 4]);
  if (family === 'owlv2') {
    const objectness = mlpHead(graph.scope('objectness_head'), embeds);
    graph.output('objectness_logits', perPatch(objectness), ['B', patches]);
  }
  return graph.toModel();
}

/** [B,3,S,S] -> [B,1+P,C]: the class token first, then the patches. */
function visionModel(
  g: Graph,
  pixels: Value,
  tower: ImageTower,
  { grid, attention }: { grid: number; attention: AttentionKind },
): Value {
  const { width, epsilon } = tower;
  const count = 1 + grid * grid;
  const embedded = embeddings(g.scope('embeddings'), pixels, tower, grid);
  const start = layerNorm(g.scope('pre_layernorm'), g.reshape(embedded, [-1, width]), epsilon);
  const tokens = { shape: [-1, count], attention } as const;
  const rows = encoder(g.scope('encoder'), start, tower, tokens);
  const normalised = layerNorm(g.scope('post_layernorm'), rows, epsilon);
  return g.reshape(normalised, [-1, count, width]);
}

/** [B,3,S,S] -> [B,1+P,C] */
function embeddings(g: Graph, pixels: Value, tower: ImageTower, grid: number): Value {
  const { width, patchSize } = tower;
  const kernel = g.scope('patch_embedding').parameter('weight');
  const planes = g.conv(pixels, kernel, undefined, { stride: patchSize }); // [B,C,grid,grid]
  const patches = g.transpose(g.reshape(planes, [0, width, -1]), [0, 2, 1]); // [B,P,C]
  const token = g.reshape(g.parameter('class_embedding'), [1, 1, width]);
  const batch = g.concat([g.shape(pixels, 0, 1), g.ints([1, width])], 0);
  const all = g.concat([g.expand(token, batch), patches], 1);
  return g.add(all, positions(g.scope('position_embedding'), tower, grid));
}

/**
 * [1+P,C]. A smaller picture takes the upper left part of the grid: OWLv2 was trained with pictures of all sizes there,
 * and padding at the right and below.
 */
function positions(g: Graph, { imageSize, patchSize }: ImageTower, grid: number): Value {
  const learned = gridOf(imageSize, patchSize);
  const table = g.parameter('weight');
  if (grid === learned) return table;
  const kept = Array.from({ length: grid * grid }, (_, patch) => {
    const [row, column] = [Math.floor(patch / grid), patch % grid];
    return 1 + row * learned + column;
  });
  const rows = g.gather(table, g.sharedInts(`upper left ${grid} of ${learned}`, [[0, ...kept]]));
  return g.reshape(rows, [1 + grid * grid, -1]);
}

/** Each patch times the class token, element by element: [B,1+P,C] -> [B,P,C]. */
function mergeClassToken(g: Graph, tokens: Value, patches: number): Value {
  const token = g.slice(tokens, 1, 0, 1);
  return g.mul(g.slice(tokens, 1, 1, 1 + patches), token);
}
