import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import { DECODER, HIERA_COMMON, type HieraVariant } from '../../architecture.js';
import { channelsFirst } from '../../layers.js';
import type { StageOutputs } from './hiera.js';

const { dim, gridSize: embeddingSide, upscaledChannels } = DECODER;
const [FINE, FINEST] = upscaledChannels;

/** What SAM 2 keeps of an image. */
export interface Sam2Embedding {
  /** [B,256,64,64] */
  readonly imageEmbed: Value;
  /** [B,32,256,256] and [B,64,128,128]: what the mask decoder adds while it enlarges. */
  readonly highResS0: Value;
  readonly highResS1: Value;
}

/**
 * The feature pyramid (Lin et al., 2017) that SAM 2's image encoder ends with, and what its mask decoder and an empty
 * memory of other frames make of its levels. Each level is a 1x1 convolution of a stage; only that of 64x64 gets the one
 * above it as well, enlarged. `paper/fpn-neck.ts` has it as it was published; here
 * - a level that another 1x1 convolution follows is one product with the product of both weights,
 * - and the level of 32x32 is not computed but for what it adds.
 */
export function fpnNeck(g: Graph, stages: StageOutputs, variant: HieraVariant): Sam2Embedding {
  const [finest, fine, middle, coarse] = stages;
  const level = (at: number) => g.scope(`image_encoder.neck.convs.${at}.conv`);
  const half = embeddingSide / 2;
  const above = pointwise(level(0), coarse, 8 * variant.dim); // [B*32*32,256]
  const own = pointwise(level(1), middle, 4 * variant.dim); // [B*64*64,256]
  // Each place of the level above is added to two by two.
  const sum = g.add(
    g.reshape(own, [-1, half, 2, half, 2, dim]),
    g.reshape(above, [-1, half, 1, half, 1, dim]),
  );
  const embedded = g.add(sum, g.reshape(g.parameter('no_mem_embed'), [dim]));
  const { gridSize } = HIERA_COMMON;
  const decoder = g.scope('mask_decoder');
  return {
    imageEmbed: channelsFirst(g, g.reshape(embedded, [-1, embeddingSide, embeddingSide, dim])),
    highResS0: narrowed(decoder.scope('conv_s0'), level(3), finest, {
      ...{ side: gridSize, channels: FINEST, inputs: variant.dim },
    }),
    highResS1: narrowed(decoder.scope('conv_s1'), level(2), fine, {
      ...{ side: gridSize / 2, channels: FINE, inputs: 2 * variant.dim },
    }),
  };
}

/** A 1x1 convolution as a product: [B,H,W,in] -> [B*H*W,256] with the scope's `weight` [256,in,1,1]. */
function pointwise(g: Graph, x: Value, inputs: number): Value {
  const weight = g.reshape(g.parameter('weight'), [dim, inputs]);
  return g.gemmTransposed(g.reshape(x, [-1, inputs]), weight, g.parameter('bias'));
}

/** Two 1x1 convolutions, first `level` and then `g`, as one: x [B,side,side,in] -> [B,channels,side,side]. */
function narrowed(
  g: Graph,
  level: Graph,
  x: Value,
  { side, channels, inputs }: { side: number; channels: number; inputs: number },
): Value {
  const last = g.reshape(g.parameter('weight'), [channels, dim]);
  const first = g.reshape(level.parameter('weight'), [dim, inputs]);
  const shift = g.matMul(last, g.reshape(level.parameter('bias'), [dim, 1])); // [channels,1]
  const bias = g.add(g.reshape(shift, [channels]), g.parameter('bias'));
  const rows = g.gemmTransposed(g.reshape(x, [-1, inputs]), g.matMul(last, first), bias);
  return channelsFirst(g, g.reshape(rows, [-1, side, side, channels]));
}
