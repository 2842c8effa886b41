import type { Box } from '../prompt.js';
import type { Tensor } from '../tensors/tensor.js';

/** What a detector's image tower says of the P patches of a picture, row by row. */
export interface DetectorOutput {
  /** [P,C]: what each patch is, to be compared with queries once divided by its length. */
  readonly classEmbeds: Float32Array;
  /** [P,4]: cx cy w h of what it proposes, as shares of the detector's square. */
  readonly boxes: Float32Array;
  /** [P] and [P]: logit = (cosine + shift) scale. */
  readonly logitShift: Float32Array;
  readonly logitScale: Float32Array;
  /** [P]: the logit that there is anything at all; OWLv2 only. */
  readonly objectness?: Float32Array;
}

/** What is kept of that beside an image's embedding. Queries need nothing else of the picture. */
export interface DetectorFeatures {
  /** [P,C], each row of length 1. */
  readonly class_embeds: Tensor;
  /** [P,8]: cx cy w h, shift, scale, objectness logit (NaN where the detector has none), length of the class vector. */
  readonly proposals: Tensor;
}

/** Of `DetectorFeatures` the tensor that has 32 bits wherever it goes: 16 would move a box by half a pixel. */
export const EXACT = 'proposals';

/** An object that was found. */
export interface Detection {
  /** Which patch proposed it. */
  readonly patch: number;
  /** Which of the queries it answers best. */
  readonly label: number;
  /** How well, from 0 to 1. */
  readonly score: number;
  /** Inside the image. */
  readonly box: Box;
}

/** Which detections are reported. */
export interface DetectionLimits {
  /** Scores must be above. */
  readonly threshold: number;
  /** Of two boxes with a larger IoU, the one of lower score goes, whatever their labels. */
  readonly nms: number;
  /** So many at most, the best. */
  readonly most: number;
}

export const DETECTION_DEFAULTS: DetectionLimits = { threshold: 0.1, nms: 0.5, most: 100 };
