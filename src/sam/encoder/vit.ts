import { IMAGE_EMBEDDINGS } from '../../core/embedding.js';
import { Graph } from '../../onnx/graph.js';
import type { Parameters } from '../../onnx/graph-draft.js';
import type { Value } from '../../onnx/graph-scope.js';
import type { ModelProto } from '../../onnx/proto.js';
import { DECODER, VIT_COMMON, type VitVariant } from '../architecture.js';
import { layerNorm } from '../layers.js';
import { neck } from './neck.js';
import { type AttentionKind, attention, linear } from './vit-attention.js';

/** nn.LayerNorm is given this in segment-anything's ViT, not PyTorch's default. */
const EPSILON = 1e-6;

/**
 * SAM's image encoder as an ONNX model: a plain vision transformer (Dosovitskiy et al., 2020; Li et al., 2022)
 * whose blocks attend within windows but for a few that see the whole image.
 *
 * Input `input` [B,3,1024,1024], normalised and padded; output `image_embeddings` [B,256,64,64].
 * @param parameters by segment-anything's names, as PyTorch has them.
 * @throws Error naming a weight that is missing.
 */
export function buildVit(
  variant: VitVariant,
  parameters: Parameters,
  attentionKind: AttentionKind,
): ModelProto {
  const { dim: outDim, gridSize, imageSize } = DECODER;
  const graph = Graph.create('sam_image_encoder', parameters);
  const image = graph.input('input', ['B', 3, imageSize, imageSize]);
  const g = graph.scope('image_encoder');

  let x = patchEmbed(g.scope('patch_embed'), image); // [B,64,64,C]
  x = g.add(x, g.parameter('pos_embed'));
  for (let i = 0; i < variant.depth; i++) {
    const windowSize = variant.globalAttn.includes(i) ? 0 : VIT_COMMON.windowSize;
    x = block(g.scope(`blocks.${i}`), x, variant, windowSize, attentionKind);
  }
  x = neck(g.scope('neck'), g.transpose(x, [0, 3, 1, 2]));

  graph.output(IMAGE_EMBEDDINGS, x, ['B', outDim, gridSize, gridSize]);
  return graph.toModel();
}

/** [B,3,1024,1024] -> [B,64,64,C] */
function patchEmbed(g: Graph, image: Value): Value {
  const proj = g.scope('proj');
  const patches = g.conv(image, proj.parameter('weight'), proj.parameter('bias'), {
    stride: VIT_COMMON.patchSize,
  });
  return g.transpose(patches, [0, 2, 3, 1]);
}

/** A transformer block, [B,64,64,C] -> [B,64,64,C]; `windowSize` 0 attends to the whole image. */
function block(
  g: Graph,
  x: Value,
  { dim, heads }: VitVariant,
  windowSize: number,
  attentionKind: AttentionKind,
): Value {
  const size = windowSize || DECODER.gridSize;
  let y = layerNorm(g.scope('norm1'), x, EPSILON);
  if (windowSize) y = windowPartition(g, y, dim, windowSize); // [B*25,14,14,C]
  y = attention(g.scope('attn'), y, { size, dim, heads, kind: attentionKind });
  if (windowSize) y = windowUnpartition(g, y, dim, windowSize); // [B,64,64,C]
  const attended = g.add(x, y);
  const normalised = layerNorm(g.scope('norm2'), attended, EPSILON);
  return g.add(attended, mlpBlock(g.scope('mlp'), normalised, dim));
}

/** [B,64,64,C] -> [B,64,64,C], each token by itself. */
function mlpBlock(g: Graph, x: Value, dim: number): Value {
  const { gridSize } = DECODER;
  const tokens = g.reshape(x, [-1, dim]);
  const hidden = g.gelu(linear(g.scope('lin1'), tokens)); // [B*64*64,4C]
  return g.reshape(linear(g.scope('lin2'), hidden), [-1, gridSize, gridSize, dim]);
}

/** Cuts a grid, padded with zeros at its right and bottom, into windows: [B,64,64,C] -> [B*25,14,14,C]. */
function windowPartition(g: Graph, x: Value, dim: number, windowSize: number): Value {
  const windows = Math.ceil(DECODER.gridSize / windowSize);
  const padding = windows * windowSize - DECODER.gridSize;
  const padded = g.pad(x, [0, padding, padding, 0]); // [B,70,70,C]
  const cut = g.reshape(padded, [-1, windows, windowSize, windows, windowSize, dim]);
  const together = g.transpose(cut, [0, 1, 3, 2, 4, 5]); // [B,5,5,14,14,C]
  return g.reshape(together, [-1, windowSize, windowSize, dim]);
}

/** Puts windows together and drops the padding: [B*25,14,14,C] -> [B,64,64,C]. */
function windowUnpartition(g: Graph, x: Value, dim: number, windowSize: number): Value {
  const { gridSize } = DECODER;
  const windows = Math.ceil(gridSize / windowSize);
  const apart = g.reshape(x, [-1, windows, windows, windowSize, windowSize, dim]);
  const rows = g.transpose(apart, [0, 1, 3, 2, 4, 5]); // [B,5,14,5,14,C]
  const padded = g.reshape(rows, [-1, windows * windowSize, windows * windowSize, dim]);
  return g.slice(g.slice(padded, 1, 0, gridSize), 2, 0, gridSize);
}
