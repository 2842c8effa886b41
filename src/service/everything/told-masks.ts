import type { Caller } from '../../core/caller.js';
import type { Candidate, EverythingLane, Tidied } from '../../core/everything.js';
import type { EverythingEvent, EverythingJob } from './everything-job.js';
import { inSlices } from './slices.js';
import { Suppression } from './suppression.js';

/** By how much the candidates grow until it is found out anew which of them stay. */
const GROWTH = 9 / 8;

/** Which masks of a run stay, and which of them the reader knows of. */
export class ToldMasks {
  readonly #job: EverythingJob;
  readonly #lane: EverythingLane;
  readonly #caller: Caller;
  readonly #suppression: Suppression;
  #ids = new Set<number>();
  /** Candidates when the reader was last told what stays. */
  #known = 0;

  constructor(job: EverythingJob, lane: EverythingLane, caller: Caller) {
    this.#job = job;
    this.#lane = lane;
    this.#caller = caller;
    this.#suppression = new Suppression(lane, caller, job.parameters);
  }

  /** Which candidates would stay if there were no more. */
  select(found: readonly Candidate[]): Promise<readonly number[]> {
    return this.#suppression.select(found);
  }

  /** Tells what has changed, once there is enough that may have: all updates together cost a few times the last. */
  async *update(found: readonly Candidate[]): AsyncGenerator<EverythingEvent> {
    if (found.length === this.#known || found.length < GROWTH * this.#known) return;
    this.#known = found.length;
    yield* this.tell(found, await this.select(found));
  }

  /** Tells what has changed since the last time. @param ids of those that stay. */
  async *tell(
    found: readonly Candidate[],
    ids: readonly number[],
  ): AsyncGenerator<EverythingEvent> {
    const before = this.#ids;
    this.#ids = new Set(ids);
    const removed = [...before].filter((id) => !this.#ids.has(id));
    if (removed.length > 0) yield { type: 'removed', ids: removed };
    yield* this.render(
      found,
      ids.filter((id) => !before.has(id)),
    );
  }

  /** Removes small regions. @returns the candidates with their new runs, which have changed, and which stay. */
  async tidy(found: readonly Candidate[], ids: readonly number[]) {
    const { parameters, embedding, options } = this.#job;
    const minArea = parameters.min_mask_region_area;
    if (minArea === 0) return { cleaned: found, changed: new Set<number>(), kept: ids };
    const counts = ids.map((id) => (found[id] as Candidate).counts);
    const tidying = inSlices(counts, (some) =>
      this.#lane.tidy(
        { image: embedding.image, counts: some, minArea, format: options.format },
        this.#caller,
      ),
    );
    const tidied: Tidied[] = [];
    for await (const some of tidying) tidied.push(...some);
    const kept = await this.#suppression.selectTidied(tidied);
    const cleaned = [...found];
    const changed = new Set<number>();
    for (const at of kept) {
      const [id, mask] = [ids[at] as number, tidied[at]];
      const { counts, bytes } = mask as NonNullable<typeof mask>;
      if (cleaned[id]?.counts === counts) continue;
      cleaned[id] = { ...(cleaned[id] as Candidate), counts, bytes };
      changed.add(id);
    }
    return { cleaned, changed, kept: kept.map((at) => ids[at] as number) };
  }

  /** Tells the removals and changes that tidying made. */
  async *tellTidied({ cleaned, changed, kept }: Awaited<ReturnType<ToldMasks['tidy']>>) {
    const staying = new Set(kept);
    const removed = [...this.#ids].filter((id) => !staying.has(id));
    if (removed.length > 0) yield { type: 'removed', ids: removed } as const;
    yield* this.render(
      cleaned,
      kept.filter((id) => changed.has(id)),
    );
  }

  /** Masks in the form of the answer, as they are read. */
  async *render(found: readonly Candidate[], ids: readonly number[]) {
    const { embedding, options, names } = this.#job;
    const { image } = embedding;
    const slices = inSlices(ids, (some) => {
      const candidates = some.map((id) => found[id] as Candidate);
      return this.#lane.render({ image, candidates, options, names }, this.#caller);
    });
    let next = 0;
    for await (const masks of slices) {
      for (const mask of masks) yield { type: 'mask', id: ids[next++] as number, mask } as const;
    }
  }
}
