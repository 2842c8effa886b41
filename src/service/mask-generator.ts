import { type Caller, withSignal } from '../core/caller.js';
import type { Embedding } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type {
  Candidate,
  CandidatesTask,
  EverythingLane,
  EverythingMask,
  EverythingParameters,
} from '../core/everything.js';
import type { MaskOptions } from '../core/ports.js';
import type { Box, Point } from '../core/prompt.js';
import { type Crop, cropBoxes, pointGrid } from './point-grid.js';

/** Most points in one task of the lane: a click waits for no more. */
const POINTS_PER_TASK = 16;

export interface EverythingLimits {
  /** Runs at the same time; each holds its candidates in memory. */
  readonly maxRuns: number;
  /** Points of all crops of one run together. */
  readonly maxPoints: number;
}

/** What everything mode has to tell while it works. Masks are named by number. */
export type EverythingEvent =
  | { readonly type: 'mask'; readonly id: number; readonly mask: EverythingMask }
  /** Better masks of the same objects were found. */
  | { readonly type: 'removed'; readonly ids: readonly number[] }
  | { readonly type: 'progress'; readonly points: number; readonly of: number }
  /** The masks that stay, in the order of the answer. */
  | { readonly type: 'done'; readonly ids: readonly number[] };

/** What a run works on. */
export interface EverythingJob {
  /** Of the whole image. */
  readonly embedding: Embedding;
  /** Embeds a crop; there is none when the image is not at hand. */
  readonly embedCrop: ((crop: Box, caller: Caller) => Promise<Embedding>) | undefined;
  readonly parameters: EverythingParameters;
  readonly options: MaskOptions;
  /** Whether masks are told as they are found, and not only at the end. */
  readonly live: boolean;
}

/** Finds all objects of an image, as `SamAutomaticMaskGenerator`. */
export class MaskGenerator {
  readonly #lane: EverythingLane;
  readonly #limits: EverythingLimits;
  #runs = 0;

  constructor(lane: EverythingLane, limits: EverythingLimits) {
    this.#lane = lane;
    this.#limits = limits;
  }

  /**
   * Takes on a job. The work is done while the events are read, and given up when reading ends or the caller leaves.
   * @throws SamError `too-many-prompts`, `overloaded`, `invalid-request` for crops of an image that is not at hand
   */
  generate(job: EverythingJob, caller: Caller): AsyncGenerator<EverythingEvent, void> {
    const { embedding, embedCrop, parameters } = job;
    const { crop_n_layers, crop_overlap_ratio } = parameters;
    if (crop_n_layers > 0 && !embedCrop) {
      const path = '/crop_n_layers';
      const message = 'needs the photograph, which is not kept: send it as a form with image';
      throw new SamError('invalid-request', `${path} ${message}`, {
        violations: [{ path, message }],
      });
    }
    const crops = cropBoxes(embedding.image, crop_n_layers, crop_overlap_ratio);
    const points = crops.reduce((sum, { layer }) => sum + gridSide(layer, parameters) ** 2, 0);
    if (points > this.#limits.maxPoints) {
      const message = `${points} points are more than the ${this.#limits.maxPoints} allowed`;
      throw new SamError('too-many-prompts', message);
    }
    if (this.#runs >= this.#limits.maxRuns) {
      throw new SamError('overloaded', 'too many everything runs at once', { retryAfter: 10 });
    }
    return this.#run(job, crops, points, caller);
  }

  async *#run(
    job: EverythingJob,
    crops: readonly Crop[],
    points: number,
    caller: Caller,
  ): AsyncGenerator<EverythingEvent, void> {
    this.#runs++;
    // Reading may end before the work does: what still waits in the lane is not needed then.
    const over = new AbortController();
    const leave = withSignal(caller, AbortSignal.any([caller.signal, over.signal]));
    try {
      const told = new Told(job, this.#lane, leave);
      const found: Candidate[] = [];
      let done = 0;
      for (const crop of crops) {
        for await (const { asked, candidates } of this.#candidates(job, crop, leave)) {
          found.push(...candidates);
          done += asked;
          if (job.live) yield* told.update(found);
          yield { type: 'progress', points: done, of: points };
        }
      }
      const ids = await told.select(found);
      yield* told.update(found, ids);
      yield { type: 'done', ids: yield* told.tidy(found, ids) };
    } finally {
      this.#runs--;
      over.abort();
    }
  }

  /** The candidates of a crop, batch by batch; as many batches are under way as there are workers. */
  async *#candidates(job: EverythingJob, { box, layer }: Crop, caller: Caller) {
    const { parameters } = job;
    const grid = pointGrid(gridSide(layer, parameters), box);
    if (grid.length === 0) return;
    const embedding =
      layer === 0
        ? job.embedding
        : await (job.embedCrop as NonNullable<typeof job.embedCrop>)(box, caller);
    const task = { embedding, image: job.embedding.image, crop: box, parameters };
    const size = Math.min(parameters.points_per_batch, POINTS_PER_TASK);
    const batches = Array.from({ length: Math.ceil(grid.length / size) }, (_, i) =>
      grid.slice(i * size, (i + 1) * size),
    );
    yield* this.#inOrder(batches, task, caller);
  }

  async *#inOrder(
    batches: readonly (readonly Point[])[],
    task: Omit<CandidatesTask, 'points'>,
    caller: Caller,
  ) {
    const start = async (points: readonly Point[]) => {
      const { candidates } = await this.#lane.candidates({ ...task, points }, caller);
      return { asked: points.length, candidates };
    };
    const running: ReturnType<typeof start>[] = [];
    for (const points of batches) {
      const next = start(points);
      // Its failure is met when its turn comes, if it does.
      next.catch(() => {});
      running.push(next);
      if (running.length > this.#lane.workers) yield await (running.shift() as (typeof running)[0]);
    }
    for (const last of running) yield await last;
  }
}

/** Points along a side of a crop's grid. */
function gridSide(layer: number, parameters: EverythingParameters): number {
  const { points_per_side, crop_n_points_downscale_factor } = parameters;
  return Math.trunc(points_per_side / crop_n_points_downscale_factor ** layer);
}

/** Which masks the reader knows of. */
class Told {
  readonly #job: EverythingJob;
  readonly #lane: EverythingLane;
  readonly #caller: Caller;
  #ids = new Set<number>();

  constructor(job: EverythingJob, lane: EverythingLane, caller: Caller) {
    this.#job = job;
    this.#lane = lane;
    this.#caller = caller;
  }

  /** Which candidates would stay if there were no more. */
  select(found: readonly Candidate[]): Promise<readonly number[]> {
    const candidates = found.map(({ box, predicted_iou, crop }) => ({ box, predicted_iou, crop }));
    return this.#lane.select({ candidates, parameters: this.#job.parameters }, this.#caller);
  }

  /** Tells what has changed. */
  async *update(
    found: readonly Candidate[],
    selected?: readonly number[],
  ): AsyncGenerator<EverythingEvent> {
    const ids = selected ?? (await this.select(found));
    const before = this.#ids;
    this.#ids = new Set(ids);
    const removed = [...before].filter((id) => !this.#ids.has(id));
    if (removed.length > 0) yield { type: 'removed', ids: removed };
    const added = ids.filter((id) => !before.has(id));
    yield* this.#render(found, added);
  }

  /** Removes small regions; masks that lose some are told anew. @returns the masks that stay. */
  async *tidy(
    found: readonly Candidate[],
    ids: readonly number[],
  ): AsyncGenerator<EverythingEvent, readonly number[]> {
    const { parameters, embedding } = this.#job;
    if (parameters.min_mask_region_area === 0) return ids;
    const counts = ids.map((id) => (found[id] as Candidate).counts);
    const task = { image: embedding.image, counts, parameters };
    const tidied = await this.#lane.tidy(task, this.#caller);
    const kept = tidied.map(({ index }) => ids[index] as number);
    const staying = new Set(kept);
    const removed = ids.filter((id) => !staying.has(id));
    if (removed.length > 0) yield { type: 'removed', ids: removed };
    const cleaned = [...found];
    const changed: number[] = [];
    for (const [i, { counts }] of tidied.entries()) {
      const id = kept[i] as number;
      if (cleaned[id]?.counts === counts) continue;
      cleaned[id] = { ...(cleaned[id] as Candidate), counts };
      changed.push(id);
    }
    yield* this.#render(cleaned, changed);
    return kept;
  }

  async *#render(found: readonly Candidate[], ids: readonly number[]) {
    if (ids.length === 0) return;
    const { embedding, options } = this.#job;
    const candidates = ids.map((id) => found[id] as Candidate);
    const task = { image: embedding.image, candidates, options };
    const masks = await this.#lane.render(task, this.#caller);
    for (const [i, mask] of masks.entries()) {
      yield { type: 'mask', id: ids[i] as number, mask } as const;
    }
  }
}
