import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import type { EverythingMask, EverythingParameters, Strategy } from '../../core/everything.js';
import type { Proposal } from '../../core/find/find.js';
import type { MaskNames } from '../../core/masks/mask-name.js';
import type { MaskOptions } from '../../core/ports.js';
import type { Box, Point } from '../../core/prompt.js';

/** What everything mode has to tell while it works. Masks are named by number. */
export type EverythingEvent =
  | { readonly type: 'mask'; readonly id: number; readonly mask: EverythingMask }
  /** Better masks of the same objects were found. */
  | { readonly type: 'removed'; readonly ids: readonly number[] }
  | { readonly type: 'progress'; readonly points: number; readonly of: number }
  /** The masks that stay, in the order of the answer; those that have not been told follow in it. */
  | { readonly type: 'done'; readonly ids: readonly number[] };

/** What a run works on. */
export interface EverythingJob {
  /** Of the whole image. */
  readonly embedding: Embedding;
  /** Embeds a crop; there is none when the image is not at hand. */
  readonly embedCrop: ((crop: Box, caller: Caller) => Promise<Embedding>) | undefined;
  readonly parameters: EverythingParameters;
  /** `point_grids`, in place of even ones: for each layer of crops points as shares of a crop's sides. */
  readonly pointGrids?: readonly (readonly Point[])[] | undefined;
  /** Which points of an even grid are asked about; `grid` where nothing is said. */
  readonly strategy?: Strategy | undefined;
  /** Boxes to start from, in place of all grids. */
  readonly proposals?: readonly Proposal[] | undefined;
  /** What the masks may be called. */
  readonly names?: MaskNames | undefined;
  readonly options: MaskOptions;
  /** Whether masks are told as they are found; otherwise they follow the end, one by one as they are read. */
  readonly live: boolean;
}
