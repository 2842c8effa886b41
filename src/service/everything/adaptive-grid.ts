import type { Caller } from '../../core/caller.js';
import type {
  Candidate,
  ChooseTask,
  EverythingLane,
  FoundAt,
  Seed,
} from '../../core/everything.js';

/** Of all points of a grid those that are asked. */
const SHARE = 9 / 32;
/** Points along a side of the coarse grid that comes first. */
const COARSE = 4;

/** How many points of an even grid the strategy `adaptive` asks about. @param side points along a side of the grid. */
export function adaptiveCount(side: number): number {
  const all = side * side;
  return Math.min(all, Math.max(COARSE * COARSE, Math.ceil(SHARE * all)));
}

/** The points of an even grid that are worth asking, chosen in the light of what has been found. */
export class AdaptiveGrid {
  readonly #lane: Pick<EverythingLane, 'choose'>;
  readonly #grid: Pick<ChooseTask, 'embedding' | 'image' | 'crop' | 'points'>;
  readonly #seeds: readonly Seed[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #caller: Caller;
  #found: FoundAt[] = [];

  /** @param seeds points in pixels of the image, row by row, as many rows as columns. */
  constructor(
    lane: Pick<EverythingLane, 'choose'>,
    grid: Pick<ChooseTask, 'embedding' | 'image' | 'crop'>,
    seeds: readonly Seed[],
    caller: Caller,
  ) {
    this.#lane = lane;
    const { embedding, image, crop } = grid;
    const points = Float64Array.from(seeds.flatMap((seed) => ('point' in seed ? seed.point : [])));
    this.#grid = { embedding, image, crop, points };
    this.#seeds = seeds;
    this.#places = new Map(seeds.map((seed, place) => [nameOf(seed), place]));
    this.#caller = caller;
  }

  /** Takes what seeds of earlier batches have answered. */
  learn(candidates: readonly Candidate[]): void {
    const masks = new Map<number, string[]>();
    for (const { seed, counts } of candidates) {
      const place = this.#places.get(nameOf(seed)) as number;
      masks.set(place, [...(masks.get(place) ?? []), counts]);
    }
    for (const [place, found] of masks) this.#found.push({ place, masks: found });
  }

  /** Batches of at most `size` seeds: a coarse grid, then those that what was learnt by then tells the least of. */
  async *batches(size: number): AsyncGenerator<readonly Seed[]> {
    const side = Math.sqrt(this.#seeds.length);
    let left = adaptiveCount(side);
    let asked = coarse(side);
    for (let at = 0; at < asked.length; at += size) {
      yield asked.slice(at, at + size).map((place) => this.#seeds[place] as Seed);
    }
    left -= asked.length;
    let novelty: Float32Array = new Float32Array(this.#seeds.length).fill(Infinity);
    while (left > 0) {
      const [found, most] = [this.#found, Math.min(size, left)];
      this.#found = [];
      const task = { ...this.#grid, novelty, asked, found, most };
      const chosen = await this.#lane.choose(task, this.#caller);
      yield chosen.places.map((place) => this.#seeds[place] as Seed);
      novelty = chosen.novelty;
      left -= most;
      asked = [];
    }
  }
}

/** A seed as workers give it back is another object. */
function nameOf(seed: Seed): string {
  return 'point' in seed ? seed.point.join() : '';
}

/** The places of a coarse grid's points in a grid; all of them where it is no finer. */
function coarse(side: number): number[] {
  const perSide = Math.min(side, COARSE);
  const lines = Array.from({ length: perSide }, (_, i) => Math.floor(((i + 0.5) * side) / perSide));
  return lines.flatMap((row) => lines.map((column) => row * side + column));
}
