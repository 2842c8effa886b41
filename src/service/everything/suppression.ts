import type { Caller } from '../../core/caller.js';
import type {
  Candidate,
  EverythingLane,
  EverythingParameters,
  Suppressed,
  SuppressTask,
  Tidied,
} from '../../core/everything.js';
import type { Box } from '../../core/prompt.js';

type Judged = Pick<Candidate, 'box' | 'predicted_iou' | 'crop'>;

/** Finds out in the lane which masks stay beside each other, slice by slice. */
export class Suppression {
  readonly #lane: Pick<EverythingLane, 'suppress'>;
  readonly #caller: Caller;
  readonly #parameters: EverythingParameters;

  constructor(
    lane: Pick<EverythingLane, 'suppress'>,
    caller: Caller,
    parameters: EverythingParameters,
  ) {
    this.#lane = lane;
    this.#caller = caller;
    this.#parameters = parameters;
  }

  /**
   * By predicted IoU within each crop and then, where there are several, between crops, smaller ones first.
   * @returns places of those that stay, in the order of the answer.
   */
  async select(candidates: readonly Judged[]): Promise<readonly number[]> {
    const { box_nms_thresh, crop_nms_thresh, crop_n_layers } = this.#parameters;
    const crops = new Map<string, number>();
    const groups = Int32Array.from(candidates, ({ crop }) => {
      const name = crop.join();
      const group = crops.get(name) ?? crops.size;
      crops.set(name, group);
      return group;
    });
    const scores = candidates.map(({ predicted_iou }) => predicted_iou);
    const within = await this.#suppress(boxesOf(candidates), scores, box_nms_thresh, groups);
    if (crop_n_layers === 0) return within;
    const chosen = within.map((i) => candidates[i] as Judged);
    const smallness = chosen.map(({ crop }) => 1 / area(crop));
    const kept = await this.#suppress(boxesOf(chosen), smallness, crop_nms_thresh);
    return kept.map((k) => within[k] as number);
  }

  /** The second half of `postprocess_small_regions`: masks that had none are preferred to those that have changed. */
  selectTidied(masks: readonly Tidied[]): Promise<readonly number[]> {
    const { box_nms_thresh, crop_nms_thresh } = this.#parameters;
    const scores = masks.map(({ changed }) => (changed ? 0 : 1));
    return this.#suppress(boxesOf(masks), scores, Math.max(box_nms_thresh, crop_nms_thresh));
  }

  async #suppress(
    boxes: Float64Array,
    scores: readonly number[],
    threshold: number,
    groups = new Int32Array(scores.length),
  ): Promise<readonly number[]> {
    const task = { boxes, scores: Float64Array.from(scores), groups, threshold };
    let state: Pick<SuppressTask, 'from' | 'kept'> = { from: 0, kept: [] };
    for (;;) {
      const { kept, next }: Suppressed = await this.#lane.suppress(
        { ...task, ...state },
        this.#caller,
      );
      if (next === undefined) return kept;
      state = { from: next, kept };
    }
  }
}

function boxesOf(masks: readonly { readonly box: Box }[]): Float64Array {
  const boxes = new Float64Array(4 * masks.length);
  for (const [i, { box }] of masks.entries()) boxes.set(box, 4 * i);
  return boxes;
}

function area([x1, y1, x2, y2]: Box): number {
  return (x2 - x1) * (y2 - y1);
}
