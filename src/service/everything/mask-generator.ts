import { type Caller, withSignal } from '../../core/caller.js';
import { SamError, violation } from '../../core/errors.js';
import type { Candidate, EverythingLane } from '../../core/everything.js';
import { labelOf, namedBytes } from '../../core/masks/mask-name.js';
import { checkAnswer } from '../memory/answer-size.js';
import { AdaptiveGrid } from './adaptive-grid.js';
import type { EverythingEvent, EverythingJob } from './everything-job.js';
import { type Crop, cropBoxes, seedCount, seedsOf } from './point-grid.js';
import { candidatesInOrder, MOST_SEEDS, seedBatches } from './seed-batches.js';
import { ToldMasks } from './told-masks.js';

export interface EverythingLimits {
  /** Runs at the same time; each holds its candidates in memory. */
  readonly maxRuns: number;
  /** Seeds of all crops of one run together. */
  readonly maxPoints: number;
  /** Bytes that the masks which stay may take in the answer. */
  readonly maxAnswerBytes: number;
}

/** Finds all objects of an image, as `SamAutomaticMaskGenerator`. */
export class MaskGenerator {
  readonly #lane: EverythingLane;
  readonly #limits: EverythingLimits;
  readonly #stopping = new AbortController();
  /** By client. */
  readonly #runs = new Map<string, number>();

  constructor(lane: EverythingLane, limits: EverythingLimits) {
    this.#lane = lane;
    this.#limits = limits;
  }

  /**
   * Takes on a job. The work is done while the events are read, and given up when reading ends or the caller leaves.
   * @throws SamError `too-many-prompts`, `overloaded`, `invalid-request` for crops of an image that is not at hand, and
   *   where there is not one of `pointGrids` for each layer; while events are read also `answer-too-large`
   */
  generate(job: EverythingJob, caller: Caller): AsyncGenerator<EverythingEvent, void> {
    const { embedding, embedCrop, parameters } = job;
    const { crop_n_layers, crop_overlap_ratio } = parameters;
    if (crop_n_layers > 0 && !embedCrop) {
      const message = 'needs the image, which the server does not store: send a form with image';
      throw violation('invalid-request', '/crop_n_layers', message);
    }
    checkGrids(job);
    const crops = cropBoxes(embedding.image, crop_n_layers, crop_overlap_ratio);
    const points = crops.reduce((sum, crop) => sum + seedCount(crop, job), 0);
    if (points > this.#limits.maxPoints) {
      const message = `${points} points are more than the ${this.#limits.maxPoints} allowed`;
      throw new SamError('too-many-prompts', message);
    }
    this.#checkRuns(caller);
    return this.#run(job, crops, points, caller);
  }

  /** Ends all runs: each throws `overloaded` at the next step. */
  stop(): void {
    const reason = new SamError('overloaded', 'the service is stopping', { retryAfter: 1 });
    this.#stopping.abort(reason);
  }

  async *#run(
    job: EverythingJob,
    crops: readonly Crop[],
    points: number,
    caller: Caller,
  ): AsyncGenerator<EverythingEvent, void> {
    const release = this.#enter(caller);
    // Reading may end before the work does: what still waits in the lane is not needed then.
    const over = new AbortController();
    const leave = withSignal(
      caller,
      AbortSignal.any([caller.signal, over.signal, this.#stopping.signal]),
    );
    let booked = 0;
    try {
      const told = new ToldMasks(job, this.#lane, leave);
      const found: Candidate[] = [];
      let done = 0;
      for (const crop of crops) {
        for await (const { asked, candidates } of this.#candidates(job, crop, leave)) {
          const bytes = candidates.reduce((sum, each) => sum + bytesOf(each), 0);
          caller.memory.take('masks', bytes);
          booked += bytes;
          for (const candidate of candidates) found.push(candidate);
          done += asked;
          if (job.live) yield* told.update(found);
          yield { type: 'progress', points: done, of: points };
        }
      }
      const ids = await told.select(found);
      if (job.live) yield* told.tell(found, ids);
      const tidied = await told.tidy(found, ids);
      const { cleaned, kept } = tidied;
      const bytes = answeredBytes(
        kept.map((id) => cleaned[id] as Candidate),
        job,
      );
      checkAnswer(bytes, job.options, this.#limits.maxAnswerBytes);
      if (job.live) yield* told.tellTidied(tidied);
      yield { type: 'done', ids: kept };
      if (!job.live) yield* told.render(cleaned, kept);
    } finally {
      release();
      over.abort();
      caller.memory.give('masks', booked);
    }
  }

  /** Counts a run, until what is returned is called. */
  #enter({ client }: Caller): () => void {
    this.#runs.set(client, this.#runsOf(client) + 1);
    return () => {
      const left = this.#runsOf(client) - 1;
      if (left > 0) this.#runs.set(client, left);
      else this.#runs.delete(client);
    };
  }

  #runsOf(client: string): number {
    return this.#runs.get(client) ?? 0;
  }

  /** @throws SamError `overloaded`; one client alone leaves a run for another, where there is more than one. */
  #checkRuns({ client }: Caller): void {
    const { maxRuns } = this.#limits;
    const all = [...this.#runs.values()].reduce((sum, runs) => sum + runs, 0);
    if (all < maxRuns && this.#runsOf(client) < Math.max(1, maxRuns - 1)) return;
    throw new SamError('overloaded', 'too many everything runs at once', { retryAfter: 10 });
  }

  /** The candidates of a crop, batch by batch. */
  async *#candidates(job: EverythingJob, crop: Crop, caller: Caller) {
    const { parameters } = job;
    const { box } = crop;
    const seeds = seedsOf(crop, job);
    if (seeds.length === 0) return;
    const embedding =
      crop.layer === 0
        ? job.embedding
        : await (job.embedCrop as NonNullable<typeof job.embedCrop>)(box, caller);
    const { format } = job.options;
    const task = { embedding, image: job.embedding.image, crop: box, parameters, format };
    const size = Math.min(parameters.points_per_batch, MOST_SEEDS);
    const { workers } = this.#lane;
    if (job.strategy !== 'adaptive') {
      const batches = seedBatches(seeds, size, workers);
      // While the reader is told of masks, which takes tasks of the lane, its workers go on.
      yield* candidatesInOrder(this.#lane, batches, task, 2 * workers + 1, caller);
      return;
    }
    const grid = new AdaptiveGrid(this.#lane, task, seeds, caller);
    const batches = grid.batches(size);
    // What is known when a batch is chosen does not depend on how long others take, as none is chosen further ahead.
    for await (const answer of candidatesInOrder(this.#lane, batches, task, workers + 1, caller)) {
      grid.learn(answer.candidates);
      yield answer;
    }
  }
}

/** @throws SamError `invalid-request` */
function checkGrids({ pointGrids, parameters: { crop_n_layers } }: EverythingJob): void {
  const layers = crop_n_layers + 1;
  if (!pointGrids || pointGrids.length === layers) return;
  const message = `must have ${layers} grids, one for each layer (crop_n_layers + 1), has ${pointGrids.length}`;
  throw violation('invalid-request', '/point_grids', message);
}

/** What candidates take in the answer at most, whatever they will be called. */
function answeredBytes(
  candidates: readonly Candidate[],
  { names, options }: EverythingJob,
): number {
  const { format } = options;
  const labels = (names?.labels ?? []).map(labelOf);
  // As they are written: quotes in a label take more than their characters.
  const [longest] = labels.sort((a, b) => namedBytes(0, format, b) - namedBytes(0, format, a));
  const bytesOf = ({ bytes }: Candidate) =>
    longest === undefined ? bytes : namedBytes(bytes, format, longest);
  return candidates.reduce((sum, candidate) => sum + bytesOf(candidate), 0);
}

/** What a candidate takes in memory, its run lengths and all else of it. */
function bytesOf({ counts }: Candidate): number {
  return counts.length + 300;
}
