import type { Caller } from '../../core/caller.js';
import type { Candidate, CandidatesTask, EverythingLane, Seed } from '../../core/everything.js';

/** Most seeds in one task of the lane: a click waits for no more. */
export const MOST_SEEDS = 16;
/** Fewest seeds in one task. */
const FEWEST = 2;

/** What a batch of seeds has come to. */
interface Answered {
  readonly asked: number;
  readonly candidates: readonly Candidate[];
}

/**
 * Seeds in batches that grow in the beginning, so that the first mask is there soon, and shrink in the end, so that the
 * workers are done at the same time.
 * @param most seeds in a batch.
 */
export function* seedBatches(
  seeds: readonly Seed[],
  most: number,
  workers: number,
): Generator<readonly Seed[]> {
  for (let from = 0; from < seeds.length; ) {
    const grown = FEWEST + Math.floor(from / workers);
    const fair = Math.ceil((seeds.length - from) / (2 * workers));
    const size = Math.min(most, Math.max(FEWEST, Math.min(grown, fair)));
    yield seeds.slice(from, from + size);
    from += size;
  }
}

/**
 * The candidates of batches, in the order of the batches. One more is in the lane than there are workers, so that none waits for
 * work, and the others that are ahead begin as those end.
 * @param ahead batches that may be begun, or be done, before the first of them has been read.
 */
export async function* candidatesInOrder(
  lane: Pick<EverythingLane, 'candidates' | 'workers'>,
  batches: Iterable<readonly Seed[]> | AsyncIterable<readonly Seed[]>,
  task: Omit<CandidatesTask, 'seeds'>,
  ahead: number,
  caller: Caller,
): AsyncGenerator<Answered, void> {
  const inTurn = turns(lane.workers + 1);
  // On the largest images fewer seeds fit a slice.
  let size = MOST_SEEDS;
  const answer = async (seeds: readonly Seed[]): Promise<Answered> => {
    const candidates: Candidate[] = [];
    for (let done = 0; done < seeds.length; ) {
      const asked = seeds.slice(done, done + size);
      const answer = await lane.candidates({ ...task, seeds: asked }, caller);
      for (const candidate of answer.candidates) candidates.push(candidate);
      done += answer.seeds;
      size = answer.seeds < asked.length ? answer.seeds : Math.min(size + 1, MOST_SEEDS);
    }
    return { asked: seeds.length, candidates };
  };
  const running: Promise<Answered>[] = [];
  for await (const seeds of batches) {
    const next = inTurn(() => answer(seeds));
    // Its failure is met when its turn comes, if it does.
    next.catch(() => {});
    running.push(next);
    if (running.length >= ahead) yield await (running.shift() as Promise<Answered>);
  }
  for (const last of running) yield await last;
}

/** Does at most `most` things at a time, in their order; after one that failed none begins that waits. */
function turns(most: number) {
  const waiting: (() => void)[] = [];
  let free = most;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free--;
    else await new Promise<void>((begin) => waiting.push(begin));
    const result = await work();
    const next = waiting.shift();
    if (next) next();
    else free++;
    return result;
  };
}
