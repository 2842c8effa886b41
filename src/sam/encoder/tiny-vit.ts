import { IMAGE_EMBEDDINGS } from '../../core/embedding.js';
import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import type { ModelProto } from '../../onnx/proto.js';
import { DECODER, TINY_VIT, type TinyVitStage } from '../architecture.js';
import { channelsFirst, channelsLast, conv, layerNorm } from '../layers.js';
import type { Weights } from '../weights/weights.js';
import { inBands } from './bands.js';
import { foldWindowAttention } from './fold-window-attention.js';
import { neck } from './neck.js';
import { windowAttention } from './tiny-vit-attention.js';

const { dim: outDim, gridSize, imageSize } = DECODER;
const { convLayer, patchEmbed, stages } = TINY_VIT;

/** Keeps the sides, or halves them. */
const SAME = { stride: 1, padding: 1 };
const HALVE = { stride: 2, padding: 1 };

/**
 * MobileSAM's image encoder as an ONNX model: TinyViT (Wu et al., 2022) and SAM's neck, with the names and the
 * order of MobileSAM's `tiny_vit_sam.py`. Batch normalisations are part of the convolutions before them.
 *
 * Input `input` [B,3,1024,1024], normalised and padded; output `image_embeddings` [B,256,64,64].
 *
 * From `layers.1` on what flows from part to part is [B,H,W,C]. Linear layers are 1x1 convolutions between two
 * transpositions, which onnxruntime moves: in floats so far that everything but normalisation and attention is
 * in the layout of its convolutions, which take biases and residual additions along; after `quantize` until they
 * cancel out.
 * @param weights by the names of `tinyVitParameters`.
 * @param bands of rows in which `patch_embed` and the blocks of `layers.0` are computed, one after the other: their tensors of 32
 *   and 64 MB an image are the largest. In three an image takes 110 MB, in one 280.
 * @throws Error naming a weight that is missing.
 */
export function buildTinyVit(weights: Weights, bands = 1): ModelProto {
  const g = Graph.create('tiny_vit', foldWindowAttention(weights));
  const image = g.input('input', ['B', 3, imageSize, imageSize]);

  let x = inBands(g, image, bands, (rows) => convolutions(g, rows)); // [B,64,256,256]
  x = patchMerging(g.scope('layers.0.downsample'), x, stages[0].dim, HALVE); // [B,128,128,128]
  x = channelsLast(g, x);
  for (const [i, stage] of stages.entries()) {
    const layer = g.scope(`layers.${i + 1}`);
    for (let b = 0; b < stage.depth; b++) x = tinyVitBlock(layer.scope(`blocks.${b}`), x, stage);
    const next = stages[i + 1]; // [B,160,64,64], then [B,320,64,64]
    if (!next) continue;
    const strides = next.side < stage.side ? HALVE : SAME;
    x = channelsLast(
      g,
      patchMerging(layer.scope('downsample'), channelsFirst(g, x), next.dim, strides),
    );
  }
  g.output(IMAGE_EMBEDDINGS, neck(g.scope('neck'), channelsFirst(g, x)), [
    'B',
    outDim,
    gridSize,
    gridSize,
  ]);
  return g.toModel();
}

/** `patch_embed` and the blocks of `layers.0`: [B,3,H,W] -> [B,64,H/4,W/4]. */
function convolutions(g: Graph, image: Value): Value {
  let x = embedPatches(g.scope('patch_embed'), image);
  for (let b = 0; b < convLayer.depth; b++) x = mbConv(g.scope(`layers.0.blocks.${b}`), x);
  return x;
}

/** [B,3,H,W] -> [B,64,H/4,W/4] */
function embedPatches(g: Graph, image: Value): Value {
  const x = g.gelu(conv(g.scope('seq.0'), image, HALVE)); // [B,32,H/2,W/2]
  return conv(g.scope('seq.2'), x, HALVE);
}

/** Expand, convolve each channel by itself, contract: [B,64,H,W] -> [B,64,H,W]. */
function mbConv(g: Graph, x: Value): Value {
  const [, dim] = patchEmbed;
  const groups = dim * convLayer.expandRatio;
  const expanded = g.gelu(conv(g.scope('conv1'), x)); // [B,256,H,W]
  const convolved = g.gelu(conv(g.scope('conv2'), expanded, { ...SAME, groups }));
  return g.gelu(g.add(conv(g.scope('conv3'), convolved), x));
}

/** [B,from,H,W] -> [B,dim,H,W] or half the sides. */
function patchMerging(g: Graph, x: Value, dim: number, strides: typeof HALVE): Value {
  const expanded = g.gelu(conv(g.scope('conv1'), x));
  const merged = g.gelu(conv(g.scope('conv2'), expanded, { ...strides, groups: dim }));
  return conv(g.scope('conv3'), merged);
}

/** [B,H,W,C] -> [B,H,W,C] */
function tinyVitBlock(g: Graph, input: Value, stage: TinyVitStage): Value {
  const attended = g.add(windowAttention(g.scope('attn'), input, stage), input);
  const x = channelsLast(
    g,
    conv(g.scope('local_conv'), channelsFirst(g, attended), { ...SAME, groups: stage.dim }),
  );
  return g.add(mlp(g.scope('mlp'), x), x);
}

/** [B,H,W,C] -> [B,H,W,C], each place by itself. */
function mlp(g: Graph, x: Value): Value {
  const normalised = channelsFirst(g, layerNorm(g.scope('norm'), x));
  return channelsLast(g, conv(g.scope('fc2'), g.gelu(conv(g.scope('fc1'), normalised))));
}
