import type { Family } from '../core/family/family.js';
import { LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import { AMBIGUOUS_MASKS } from '../core/prompt.js';

/** The sizes of SAM's prompt encoder and mask decoder; every published SAM and MobileSAM shares them. */
export const DECODER = {
  /** Side of the square frame in which prompts are given, in pixels. */
  imageSize: 1024,
  /** Side of the image embedding. */
  gridSize: 64,
  /** Channels of the image embedding, and of every token. */
  dim: 256,
  /** Channels of the first and second convolution over an earlier mask. */
  maskChannels: [4, 16],
  /** Embeddings of a point by label: background, foreground, and the two corners of a box. */
  pointLabels: 4,
  /** One mask for when a single answer is wanted, and those for when the prompt is ambiguous. */
  maskTokens: 1 + AMBIGUOUS_MASKS,
  /** Side of a mask: that of the embedding, doubled twice. */
  maskSide: LOW_RES_SIDE,
  transformer: {
    depth: 2,
    heads: 8,
    mlpDim: 2048,
    /** Cross attention works on `dim` divided by this. */
    attentionDownsampleRate: 2,
  },
  /** Channels after the first and second doubling of the embedding's sides. */
  upscaledChannels: [64, 32],
  /** Layers of the MLPs on top of the mask tokens and of the IoU token. */
  headDepth: 3,
} as const;

const { dim: DIM, gridSize: GRID, upscaledChannels } = DECODER;

/** What an image encoder makes of an image, at the side of the embedding. */
export const EMBEDDING_SHAPE = [1, DIM, GRID, GRID] as const;

/** The learned tokens in front of a prompt's, by family; `mask_tokens` are four, each other is one. */
export const OUTPUT_TOKENS = {
  sam: ['iou_token', 'mask_tokens'],
  sam2: ['obj_score_token', 'iou_token', 'mask_tokens'],
} as const satisfies Record<Family, readonly string[]>;

/** How many learned tokens stand before those of the masks; the last of them is the IoU token. */
export function tokensBeforeMasks(family: Family): number {
  return OUTPUT_TOKENS[family].length - 1;
}

/** The tensors of an embedding by family, which are the outputs of an encoder and the inputs of the decoder's context. */
export const EMBEDDING_TENSORS = {
  sam: { image_embeddings: EMBEDDING_SHAPE },
  sam2: {
    image_embed: EMBEDDING_SHAPE,
    /** What the decoder adds where it has doubled the sides twice, and once. */
    high_res_s0: [1, upscaledChannels[1], 4 * GRID, 4 * GRID],
    high_res_s1: [1, upscaledChannels[0], 2 * GRID, 2 * GRID],
  },
} as const satisfies Record<Family, Readonly<Record<string, readonly number[]>>>;

/** A plain vision transformer with windows, as SAM's image encoder is. */
export interface VitVariant {
  /** Blocks, and those among them whose attention sees the whole image. */
  readonly depth: number;
  readonly globalAttn: readonly number[];
  /** Channels of a token. */
  readonly dim: number;
  readonly heads: number;
}

/** What all variants have in common. */
export const VIT_COMMON = {
  /** Side of a patch, in pixels: one token. */
  patchSize: 16,
  /** Side of the windows of the other blocks, in tokens. */
  windowSize: 14,
  /** The MLP's hidden layer, in multiples of `dim`. */
  mlpRatio: 4,
} as const;

/** The encoders that Meta published. */
export const VIT = {
  vit_b: { depth: 12, dim: 768, heads: 12, globalAttn: [2, 5, 8, 11] },
  vit_l: { depth: 24, dim: 1024, heads: 16, globalAttn: [5, 11, 17, 23] },
  vit_h: { depth: 32, dim: 1280, heads: 16, globalAttn: [7, 15, 23, 31] },
} as const satisfies Record<string, VitVariant>;

/**
 * TinyViT (Wu et al., 2022) as MobileSAM's image encoder has it: convolutions at a quarter of the image's
 * side, then three stages of attention within windows.
 */
export const TINY_VIT = {
  /** Channels after the first and the second convolution, each of which halves the sides. */
  patchEmbed: [32, 64],
  /** `layers.0`: blocks of convolutions, and the multiple of their channels that they expand to. */
  convLayer: { depth: 2, expandRatio: 4 },
  /** `layers.1` to `layers.3`: side of the grid, of a window, channels, heads of 32 channels. */
  stages: [
    { depth: 2, side: 128, window: 7, dim: 128, heads: 4 },
    { depth: 6, side: 64, window: 14, dim: 160, heads: 5 },
    { depth: 2, side: 64, window: 7, dim: 320, heads: 10 },
  ],
  mlpRatio: 4,
} as const;

/** One of the stages that attend. */
export type TinyVitStage = (typeof TINY_VIT.stages)[number];

/** A number for each of Hiera's stages. */
export type ByStage = readonly [number, number, number, number];

/**
 * A Hiera (Ryali et al., 2023) as SAM 2's image encoder has it: four stages, each with half the grid's side, twice the
 * channels and twice the heads of the one before.
 */
export interface HieraVariant {
  /** Channels and heads of the first stage. */
  readonly dim: number;
  readonly heads: number;
  /** Blocks of each stage. */
  readonly stages: ByStage;
  /** Side of each stage's windows, in tokens of its own grid. */
  readonly windows: ByStage;
  /** Blocks whose attention sees the whole image, counted through all stages. */
  readonly globalAttn: readonly number[];
}

/** What all variants have in common. */
export const HIERA_COMMON = {
  /** The convolution that makes the first tokens: its kernel, in pixels. */
  patch: { side: 7, stride: 4, padding: 3 },
  /** Side of the first stage's grid, in tokens. */
  gridSize: 256,
  /** The MLP's hidden layer, in multiples of the channels. */
  mlpRatio: 4,
} as const;

/** The encoders of the checkpoints that Meta published, of SAM 2 and of 2.1. */
export const HIERA = {
  sam2_hiera_tiny: {
    ...{ dim: 96, heads: 1, stages: [1, 2, 7, 2], windows: [8, 4, 14, 7] },
    globalAttn: [5, 7, 9],
  },
  sam2_hiera_small: {
    ...{ dim: 96, heads: 1, stages: [1, 2, 11, 2], windows: [8, 4, 14, 7] },
    globalAttn: [7, 10, 13],
  },
  sam2_hiera_base_plus: {
    ...{ dim: 112, heads: 2, stages: [2, 3, 16, 3], windows: [8, 4, 14, 7] },
    globalAttn: [12, 16, 20],
  },
  sam2_hiera_large: {
    ...{ dim: 144, heads: 2, stages: [2, 6, 36, 4], windows: [8, 4, 16, 8] },
    globalAttn: [23, 33, 43],
  },
} as const satisfies Record<string, HieraVariant>;
