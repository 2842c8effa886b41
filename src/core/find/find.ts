import type { Caller } from '../caller.js';
import type { Embedding } from '../embedding.js';
import type { Timings } from '../ports.js';
import type { Box, Point } from '../prompt.js';
import type { Detection, DetectionLimits } from './detection.js';

/** How things are looked for. */
export interface FindOptions extends DetectionLimits {
  /** Whether each phrase stands in CLIP's seven templates, whose queries are averaged. */
  readonly templates: boolean;
}

/** What a detection must meet besides: all points inside of its box, none of the others, or some of a box. */
export interface FindFilter {
  readonly inside: readonly Point[];
  readonly outside: readonly Point[];
  readonly box?: Box | undefined;
}

/** An object in an image, by which others are looked for. */
export interface FindExample {
  /** Of its image. */
  readonly features: Embedding;
  readonly box: Box;
}

/** What is looked for in one image: phrases, or more of an example. */
export interface FindTask {
  /** Of the image, from the encode lane. */
  readonly features: Embedding;
  readonly phrases: readonly string[];
  readonly example?: FindExample | undefined;
  readonly options: FindOptions;
  readonly filter?: FindFilter | undefined;
  /** A JSON pointer to the text or the exemplar of the request, for what is wrong with it. */
  readonly path: string;
}

/** Phrases by which the masks of one image are to be called. */
export interface NameTask {
  readonly features: Embedding;
  readonly phrases: readonly string[];
  readonly options: Pick<FindOptions, 'threshold' | 'templates'>;
  /** A JSON pointer to the phrases. */
  readonly path: string;
}

/** What a detector sees in one image, whatever it is called. */
export interface NamedBoxes {
  /** [N,6] in shared memory: x1 y1 x2 y2 in pixels, the place of the phrase it answers best, its score. */
  readonly boxes: Float64Array;
  /** As of `Found`. */
  readonly cut: readonly number[];
}

/** A box in which there is something. */
export interface Proposal {
  readonly box: Box;
  /** How likely, from 0 to 1. */
  readonly objectness: number;
}

/** Boxes with anything in them are looked for. */
export interface ProposeTask extends Pick<DetectionLimits, 'nms' | 'most'> {
  readonly features: Embedding;
  /** A JSON pointer to what asks for them. */
  readonly path: string;
}

export interface Found {
  /** Whose labels are places of phrases, or 0 for the example; the best first. */
  readonly detections: readonly Detection[];
  /** Places of the phrases that were too long and are read up to their fourteenth token. */
  readonly cut: readonly number[];
  readonly timings: Timings;
}

/** The lane that reads texts. */
export interface TextLane {
  /** @throws SamError `prompt-invalid` for a text without words or an example that is nothing, `overloaded`, `queue-timeout`, `inference-timeout` */
  find(task: FindTask, caller: Caller): Promise<Found>;
  /** @throws SamError as `find` */
  name(task: NameTask, caller: Caller): Promise<NamedBoxes>;
  /** The best first. @throws SamError `invalid-request` where the detector does not tell, and as `find` */
  propose(task: ProposeTask, caller: Caller): Promise<readonly Proposal[]>;
}
