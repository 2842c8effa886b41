import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import type { FindOptions, TextLane } from '../../core/find/find.js';
import type { EverythingJob } from '../everything/everything-job.js';
import { checkTexts, cutWarnings } from './texts.js';

/** What everything mode asks a detector. */
export interface GuideQuery {
  /** What its masks may be called. */
  readonly labels?: readonly string[] | undefined;
  /** Whether it starts from the boxes that most likely hold anything. */
  readonly proposals?: 'objectness' | undefined;
  readonly find: FindOptions;
}

/** What the detector answers. */
export interface Guidance extends Pick<EverythingJob, 'proposals' | 'names'> {
  /** In sentences for people. */
  readonly warnings: readonly string[];
}

/** Tells everything mode where to look, and what is there. */
export class Guide {
  readonly #lane: TextLane;
  readonly #maxTexts: number;

  /** @param maxTexts labels that a request may have. */
  constructor(lane: TextLane, maxTexts: number) {
    this.#lane = lane;
    this.#maxTexts = maxTexts;
  }

  /** Checks what needs no image. @throws SamError `too-many-prompts` */
  check({ labels = [] }: GuideQuery): void {
    checkTexts(labels.length, this.#maxTexts, '/labels');
  }

  /**
   * @param features of the image. @param nms of two boxes with a larger IoU masks start from one.
   * @throws SamError `prompt-invalid`, `invalid-request`, and what the lane throws
   */
  async lead(
    features: Embedding,
    { labels, proposals, find }: GuideQuery,
    nms: number,
    caller: Caller,
  ): Promise<Guidance> {
    const { most, nms: overlap, threshold, templates } = find;
    const [named, boxes] = await Promise.all([
      labels &&
        this.#lane.name(
          { features, phrases: labels, options: { threshold, templates }, path: '/labels' },
          caller,
        ),
      proposals && this.#lane.propose({ features, nms, most, path: '/proposals' }, caller),
    ]);
    return {
      ...(labels && named && { names: { labels, boxes: named.boxes, overlap } }),
      ...(boxes && { proposals: boxes }),
      warnings: cutWarnings(labels ?? [], named?.cut ?? []),
    };
  }
}
