import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import { HIERA_COMMON, type HieraVariant } from '../../architecture.js';
import { channelsLast, conv, layerNorm } from '../../layers.js';
import { linear } from '../vit-attention.js';
import { type BlockShape, blocksOf } from './blocks.js';
import { type HieraAttention, multiScaleAttention } from './multi-scale-attention.js';
import { absolutePositions } from './positions.js';
import { maxPool } from './windows.js';

/** SAM 2 gives nn.LayerNorm this, not PyTorch's default. */
const EPSILON = 1e-6;

/** What each stage ends with: [B,256,256,C], [B,128,128,2C], [B,64,64,4C], [B,32,32,8C]. */
export type StageOutputs = readonly [Value, Value, Value, Value];

/**
 * Hiera (Ryali et al., 2023), as the trunk of SAM 2's image encoder: a vision transformer whose grid of tokens is halved
 * from stage to stage and that attends within windows, but for a few blocks of the third stage.
 * @param image [B,3,1024,1024], normalised.
 */
export function hiera(
  g: Graph,
  image: Value,
  variant: HieraVariant,
  attention: HieraAttention,
): StageOutputs {
  let x = patchEmbed(g.scope('patch_embed'), image); // [B,256,256,C]
  x = g.add(x, absolutePositions(g, variant));
  const outputs: Value[] = [];
  for (const [i, block] of blocksOf(variant).entries()) {
    x = multiScaleBlock(g.scope(`blocks.${i}`), x, block, attention);
    if (block.isLast) outputs.push(x);
  }
  return outputs as unknown as StageOutputs;
}

/** [B,3,1024,1024] -> [B,256,256,C]: patches of 7 x 7 pixels overlap. */
function patchEmbed(g: Graph, image: Value): Value {
  const { stride, padding } = HIERA_COMMON.patch;
  return channelsLast(g, conv(g.scope('proj'), image, { stride, padding }));
}

/** A transformer block, [B,side,side,dim] -> the same, or [B,side/2,side/2,2*dim] where a stage begins. */
function multiScaleBlock(g: Graph, x: Value, block: BlockShape, attention: HieraAttention): Value {
  const { isPooled } = block;
  const normalised = layerNorm(g.scope('norm1'), x, EPSILON);
  const shortcut = isPooled ? halved(g, normalised, block) : x;
  const attended = multiScaleAttention(g.scope('attn'), normalised, block, attention);
  const y = g.add(shortcut, attended);
  return g.add(y, mlp(g.scope('mlp'), layerNorm(g.scope('norm2'), y, EPSILON), block));
}

/** The shortcut around attention that halves the grid; it starts behind the norm. */
function halved(g: Graph, normalised: Value, { side, dim, dimOut }: BlockShape): Value {
  const wider = linear(g.scope('proj'), g.reshape(normalised, [-1, dim])); // [B*side*side,2*dim]
  return maxPool(g, wider, side, dimOut);
}

/** Each token by itself: [B,H,W,C] -> the same. */
function mlp(g: Graph, x: Value, { side, dimOut, isPooled }: BlockShape): Value {
  const hidden = g.gelu(linear(g.scope('layers.0'), g.reshape(x, [-1, dimOut]))); // [B*H*W,4C]
  const sideOut = isPooled ? side / 2 : side;
  return g.reshape(linear(g.scope('layers.1'), hidden), [-1, sideOut, sideOut, dimOut]);
}
