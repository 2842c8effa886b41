/** A tensor that a graph takes or gives. Lengths that a name stands for differ from run to run. */
export interface GraphTensor {
  readonly name: string;
  readonly dtype: 'float32' | 'bool';
  readonly shape: readonly (number | string)[];
}

/** What a graph takes and gives, for clients that run it themselves. */
export interface GraphSignature {
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
}

/** The graphs of a decoder: of what all prompts about an image share, and of prompts. */
export interface DecoderSignatures {
  readonly context: GraphSignature;
  /** `mask_input` is wanted by the graph for prompts that have one. */
  readonly decoder: GraphSignature;
}
