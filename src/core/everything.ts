import type { Caller } from './caller.js';
import type { Embedding } from './embedding.js';
import { FAMILY_TRAITS, type Family } from './family/family.js';
import type { Proposal } from './find/find.js';
import type { ImageSize } from './image.js';
import type { Mask, MaskFormat, Segmentations } from './mask.js';
import type { MaskNames } from './masks/mask-name.js';
import type { MaskOptions, Timings } from './ports.js';
import type { Box, Point } from './prompt.js';

/** The parameters of `SamAutomaticMaskGenerator`, by their names. */
export interface EverythingParameters {
  /** Points along one side of the grid of the whole image. */
  readonly points_per_side: number;
  /** Points the decoder gets at once, at most. */
  readonly points_per_batch: number;
  /** Masks are dropped whose predicted IoU is not above. */
  readonly pred_iou_thresh: number;
  /** Masks are dropped whose stability score is below. */
  readonly stability_score_thresh: number;
  /** How far the threshold is moved both ways for the stability score. */
  readonly stability_score_offset: number;
  /** Of two masks of a crop whose boxes have a larger IoU, the one of lower predicted IoU goes. */
  readonly box_nms_thresh: number;
  /** Layers of crops beyond the whole image; layer i has 2^i by 2^i. */
  readonly crop_n_layers: number;
  /** As `box_nms_thresh`, between masks of different crops. */
  readonly crop_nms_thresh: number;
  /** How much crops overlap, as a share of the image's shorter side. */
  readonly crop_overlap_ratio: number;
  /** What `points_per_side` is divided by from layer to layer. */
  readonly crop_n_points_downscale_factor: number;
  /** Islands and holes of fewer pixels are removed from the masks that are left. */
  readonly min_mask_region_area: number;
}

/** Those of SAM. */
export const EVERYTHING_DEFAULTS: EverythingParameters = {
  points_per_side: 32,
  points_per_batch: 64,
  pred_iou_thresh: FAMILY_TRAITS.sam.predIouThresh,
  stability_score_thresh: 0.95,
  stability_score_offset: 1,
  box_nms_thresh: 0.7,
  crop_n_layers: 0,
  crop_nms_thresh: 0.7,
  crop_overlap_ratio: 512 / 1500,
  crop_n_points_downscale_factor: 1,
  min_mask_region_area: 0,
};

/** What a family's own generator takes where a request does not say. */
export function everythingDefaults(family: Family): EverythingParameters {
  return { ...EVERYTHING_DEFAULTS, pred_iou_thresh: FAMILY_TRAITS[family].predIouThresh };
}

/** Which points of a grid are asked about: each, or those whose masks the ones around them do not tell. */
export type Strategy = 'grid' | 'adaptive';

/** What masks are asked of: a point of a grid, or a box in which a detector sees something. */
export type Seed = { readonly point: Point } | Proposal;

/** Seeds in one crop that the decoder is to answer: all of them points, or all boxes. */
export interface CandidatesTask {
  /** Of the crop; the crop is the whole image where there is but one. */
  readonly embedding: Embedding;
  readonly image: ImageSize;
  /** Where the crop lies in the image. */
  readonly crop: Box;
  /** In pixels of the image. */
  readonly seeds: readonly Seed[];
  readonly parameters: EverythingParameters;
  /** In which the masks will be written. */
  readonly format: MaskFormat;
}

/** A mask that has passed the thresholds, in the image. */
export interface Candidate {
  /** COCO's compressed run lengths. */
  readonly counts: string;
  /** What it takes in the answer at most. */
  readonly bytes: number;
  /** x1, y1, x2, y2 of its first and last pixels: as `batched_mask_to_box` has it, for NMS. */
  readonly box: Box;
  readonly predicted_iou: number;
  readonly stability_score: number;
  /** What it answers. */
  readonly seed: Seed;
  readonly crop: Box;
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  /** Seeds of the task that these answer: from the first on as many as fitted a slice. */
  readonly seeds: number;
  readonly timings: Timings;
}

/** A point of a grid that was asked, and what it has answered: COCO's compressed run lengths in the whole image. */
export interface FoundAt {
  readonly place: number;
  /** One at least. */
  readonly masks: readonly string[];
}

/** A grid of which those points are to be chosen that are asked about next. */
export interface ChooseTask {
  /** Of the crop. */
  readonly embedding: Embedding;
  readonly image: ImageSize;
  readonly crop: Box;
  /** [n,2] x, y in pixels of the image, row by row. */
  readonly points: Float64Array;
  /** How far each point is from being told by others, as it was answered before; infinity in the beginning. */
  readonly novelty: Float32Array;
  /** Places of points that are asked without having been chosen. */
  readonly asked: readonly number[];
  /** What has been found since. */
  readonly found: readonly FoundAt[];
  readonly most: number;
}

export interface Chosen {
  readonly novelty: Float32Array;
  /** Of the points to ask next, the least known first; none when all have been asked. */
  readonly places: readonly number[];
}

/** Boxes of which those are to be found that stay; what a first slice has left is asked for with `from` and `kept`. */
export interface SuppressTask {
  /** x1, y1, x2, y2 of each. */
  readonly boxes: Float64Array;
  readonly scores: Float64Array;
  /** Boxes of different groups leave each other alone. */
  readonly groups: Int32Array;
  /** Of two boxes with a larger IoU the one of lower score goes. */
  readonly threshold: number;
  /** Boxes that stay at most; all of them by default. */
  readonly most?: number;
  readonly from: number;
  readonly kept: readonly number[];
}

export interface Suppressed {
  /** Places of the boxes that stay, of those that have been judged: group by group, the best first. */
  readonly kept: readonly number[];
  /** Where to go on from; undefined when all are judged. */
  readonly next: number | undefined;
}

/** Masks that are to be rid of small regions. */
export interface TidyTask {
  readonly image: ImageSize;
  readonly counts: readonly string[];
  readonly minArea: number;
  readonly format: MaskFormat;
}

/** A mask without its small regions. */
export interface Tidied extends Pick<Candidate, 'counts' | 'bytes' | 'box'> {
  /** Whether it had any. */
  readonly changed: boolean;
}

/** Candidates that are to be written as masks. */
export interface RenderTask {
  readonly image: ImageSize;
  readonly candidates: readonly Candidate[];
  readonly options: MaskOptions;
  /** What they may be called. */
  readonly names?: MaskNames | undefined;
}

/** A mask of everything mode: an entry of what `SamAutomaticMaskGenerator.generate` returns. */
export interface EverythingMask
  extends Pick<
    Mask,
    'area' | 'bbox' | 'predicted_iou' | 'stability_score' | 'label' | 'text_score'
  > {
  readonly segmentation: Segmentations[MaskFormat];
  /** The point the mask answers; none where it answers a box. */
  readonly point_coords: readonly Point[];
  /** The box it answers, and how likely the detector holds it that something is there. */
  readonly box?: Box;
  readonly objectness?: number;
  /** x, y, width, height of the crop it was found in. */
  readonly crop_box: readonly [x: number, y: number, width: number, height: number];
}

/** The lane that everything mode runs in, in slices; each waits until no click does. */
export interface EverythingLane {
  /** Workers that can run tasks at the same time. */
  readonly workers: number;
  /** The masks of seeds that pass the thresholds. */
  candidates(task: CandidatesTask, caller: Caller): Promise<Candidates>;
  /** What to ask next, where not all points of a grid are asked. */
  choose(task: ChooseTask, caller: Caller): Promise<Chosen>;
  suppress(task: SuppressTask, caller: Caller): Promise<Suppressed>;
  /** For as many masks as fit a slice, one at least. */
  tidy(task: TidyTask, caller: Caller): Promise<readonly Tidied[]>;
  /** For as many masks as fit a slice, one at least. */
  render(task: RenderTask, caller: Caller): Promise<readonly EverythingMask[]>;
}
