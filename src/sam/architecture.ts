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
  /** One mask for when a single answer is wanted, and three for when the prompt is ambiguous. */
  maskTokens: 4,
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
