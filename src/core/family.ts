/** The generations of Segment Anything. Within one, models differ in their image encoders only. */
export const FAMILIES = ['sam', 'sam2'] as const;
export type Family = (typeof FAMILIES)[number];

/** How a prompt becomes the points that the decoder's graph takes. */
export interface PromptLayout {
  /** Whether the corners of a box stand before the points or behind them. */
  readonly box: 'first' | 'last';
  /**
   * When a padding point, label -1, is put at the end: where there is no box, also where there is nothing else; or where
   * there is a point or a box.
   */
  readonly padding: 'without_box' | 'with_points_or_box';
}

/**
 * How an image gets into the model's square:
 * - `longest_side`: its longest side becomes the square's, in bytes as Pillow has it, and the rest is padding;
 * - `stretch`: each axis becomes the square's side, in floats as torchvision has it.
 */
export const RESIZES = ['longest_side', 'stretch'] as const;
export type Resize = (typeof RESIZES)[number];

/** In what families differ beside their networks, and what no manifest has to say. */
export interface FamilyTraits {
  /** Where a manifest does not say. */
  readonly resize: Resize;
  readonly prompt: PromptLayout;
  /** Logits of 256x256 are cut off at this, both ways, when they are handed out; never before masks are made of them. */
  readonly logitsLimit: number | undefined;
  /** Everything mode drops masks whose predicted IoU is not above, where a request does not say. */
  readonly predIouThresh: number;
}

export const FAMILY_TRAITS: Readonly<Record<Family, FamilyTraits>> = {
  sam: {
    resize: 'longest_side',
    prompt: { box: 'last', padding: 'without_box' },
    logitsLimit: undefined,
    predIouThresh: 0.88,
  },
  sam2: {
    resize: 'stretch',
    prompt: { box: 'first', padding: 'with_points_or_box' },
    logitsLimit: 32,
    predIouThresh: 0.8,
  },
};
