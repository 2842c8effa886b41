/** A transformer of pre-norm blocks, as CLIP has two (Radford et al., 2021). */
export interface Tower {
  /** Channels of a token. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** The MLP's hidden layer, in channels. */
  readonly hidden: number;
  /** Of its layer norms. */
  readonly epsilon: number;
}

export interface TextTower extends Tower {
  /** Tokens there are. */
  readonly vocabulary: number;
  /** Tokens of the longest text, its start and its end included. */
  readonly positions: number;
}

export interface ImageTower extends Tower {
  /** Side of the square picture, in pixels. */
  readonly imageSize: number;
  /** Side of a patch, in pixels: one token, which proposes one box. */
  readonly patchSize: number;
}

/** Patches along a side: what is left of the picture at its right and below is not looked at. */
export function gridOf(imageSize: number, patchSize: number): number {
  return Math.floor(imageSize / patchSize);
}

/**
 * An open-vocabulary detector: OWL-ViT (Minderer et al., 2022) or its successor OWLv2 (Minderer et al., 2023), which
 * says in addition how likely each patch holds any object. Queries and the patches' class vectors have the text tower's
 * width.
 */
export interface OwlArchitecture {
  /** What the names of the towers' weights begin with. */
  readonly family: 'owlv2' | 'owlvit';
  readonly text: TextTower;
  readonly image: ImageTower;
}
