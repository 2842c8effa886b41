import type { Polygon } from '../../core/mask.js';
import { VertexGrid } from './vertex-grid.js';
import { VertexQueue } from './vertex-queue.js';

/** Corners that a ring keeps. */
const FEWEST = 3;
/** For each vertex: looks at others until nothing more is removed, and distances until only short chains are measured. */
const LOOKS = 64;
const DISTANCES = 256;
/** Vertices that may be removed at all: the first of a mask that has more, which no photograph's has. */
const MOST = 2 ** 18;
/** Of a chain that is longer the distance is estimated, once the distances are used up or always. */
const SHORT = 16;
const LONG = 1024;
/** A cross product of whole numbers is none of those that rounding makes out of nothing. */
const NOTHING = 1e-6;

/**
 * Polygons with fewer corners, valid as those given are: no outline moves by more than `tolerance` pixels, no ring crosses
 * itself or another, and none is lost. Vertices are removed one by one, the one first whose removal moves the outline
 * least, wherever no other vertex lies in the triangle that goes. What a larger tolerance removes begins with what a
 * smaller one does, so that it never leaves more corners.
 * @param polygons of one mask, as `tracePolygons` makes them. @param tolerance in pixels; 0 changes nothing.
 * @param isPinned vertices that stay, by their place.
 */
export function simplifyPolygons(
  polygons: readonly Polygon[],
  tolerance: number,
  isPinned: (x: number, y: number) => boolean = () => false,
): Polygon[] {
  if (tolerance === 0 || polygons.length === 0) return [...polygons];
  const outlines = new Outlines(polygons.flat(), tolerance, isPinned);
  outlines.simplify();
  const rings = outlines.rings().values();
  return polygons.map((polygon) => polygon.map(() => rings.next().value as number[]));
}

/** The vertices of all rings of a mask, numbered through, each ring a closed list. */
class Outlines {
  readonly #tolerance: number;
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The ring of each vertex; the first vertex of each ring, and how many of its vertices are left. */
  readonly #ring: Int32Array;
  readonly #starts: number[] = [0];
  readonly #left: number[] = [];
  readonly #stays: Uint8Array;
  /** How far what was removed between a vertex and the next lies from the line between them, at most. */
  readonly #errors: Float64Array;
  /** What that would be between its neighbours if a vertex were removed. */
  readonly #without: Float64Array;
  readonly #queue: VertexQueue;
  readonly #grid: VertexGrid;
  /** The vertices that each one keeps from being removed, for as long as it is there itself. */
  readonly #kept = new Map<number, number[]>();
  #distances: number;

  constructor(rings: Polygon, tolerance: number, isPinned: (x: number, y: number) => boolean) {
    const vertices = rings.reduce((sum, ring) => sum + ring.length / 2, 0);
    this.#tolerance = tolerance;
    this.#x = new Float64Array(vertices);
    this.#y = new Float64Array(vertices);
    this.#next = new Int32Array(vertices);
    this.#previous = new Int32Array(vertices);
    this.#ring = new Int32Array(vertices);
    this.#stays = new Uint8Array(vertices);
    this.#errors = new Float64Array(vertices);
    this.#without = new Float64Array(vertices);
    this.#distances = DISTANCES * Math.min(vertices, MOST);
    let vertex = 0;
    for (const [r, ring] of rings.entries()) {
      const [start, size] = [vertex, ring.length / 2];
      for (let i = 0; i < size; i++, vertex++) {
        const [x, y] = [ring[2 * i] as number, ring[2 * i + 1] as number];
        this.#x[vertex] = x;
        this.#y[vertex] = y;
        this.#next[vertex] = start + ((i + 1) % size);
        this.#previous[vertex] = start + ((i + size - 1) % size);
        this.#ring[vertex] = r;
        this.#stays[vertex] = isPinned(x, y) ? 1 : 0;
      }
      this.#starts.push(vertex);
      this.#left.push(size);
    }
    this.#queue = new VertexQueue(vertices);
    this.#grid = new VertexGrid(this.#x, this.#y);
  }

  simplify(): void {
    const candidates = Math.min(this.#x.length, MOST);
    const looks = LOOKS * candidates;
    for (let vertex = 0; vertex < candidates; vertex++) this.#judge(vertex);
    for (let vertex = this.#queue.shift(); vertex !== undefined; vertex = this.#queue.shift()) {
      if (this.#grid.looks > looks) return;
      if ((this.#left[this.#ring[vertex] as number] as number) <= FEWEST) continue;
      const keeper = this.#keeperOf(vertex);
      if (keeper < 0) this.#remove(vertex);
      else {
        const others = this.#kept.get(keeper);
        if (others) others.push(vertex);
        else this.#kept.set(keeper, [vertex]);
      }
    }
  }

  /** What is left of each ring, from its first vertex that is. */
  rings(): number[][] {
    return this.#left.map((size, ring) => {
      let at = this.#starts[ring] as number;
      while (this.#next[at] === -1) at++;
      const corners: number[] = [];
      for (let i = 0; i < size; i++, at = this.#next[at] as number) {
        corners.push(this.#x[at] as number, this.#y[at] as number);
      }
      return corners;
    });
  }

  /** Gives a vertex its place in the queue. */
  #judge(vertex: number): void {
    if (this.#stays[vertex] || vertex >= MOST) return;
    const error = this.#errorWithout(vertex);
    this.#without[vertex] = error;
    if (error <= this.#tolerance) this.#queue.set(vertex, error);
    else this.#queue.delete(vertex);
  }

  #remove(vertex: number): void {
    const [before, after] = [this.#previous[vertex] as number, this.#next[vertex] as number];
    const ring = this.#ring[vertex] as number;
    this.#errors[before] = this.#without[vertex] as number;
    this.#next[before] = after;
    this.#previous[after] = before;
    this.#next[vertex] = -1;
    this.#left[ring] = (this.#left[ring] as number) - 1;
    this.#grid.delete(vertex);
    this.#judge(before);
    this.#judge(after);
    for (const other of this.#kept.get(vertex) ?? []) {
      if (this.#next[other] !== -1) this.#judge(other);
    }
    this.#kept.delete(vertex);
  }

  /** How far the outline would lie from the line between a vertex's neighbours, at most. */
  #errorWithout(vertex: number): number {
    const [before, after] = [this.#previous[vertex] as number, this.#next[vertex] as number];
    const ring = this.#ring[vertex] as number;
    const [start, end] = [this.#starts[ring] as number, this.#starts[ring + 1] as number];
    const length = after > before ? after - before : after - before + end - start;
    if (length > (this.#distances > 0 ? LONG : SHORT)) {
      // What was within some distance of a line still is, of a line so much farther off.
      const errors = Math.max(this.#errors[before] as number, this.#errors[vertex] as number);
      return errors + Math.sqrt(this.#squaredDistance(vertex, before, after));
    }
    this.#distances -= length;
    let most = 0;
    for (let at = before, i = 1; i < length; i++) {
      at = at + 1 < end ? at + 1 : start;
      most = Math.max(most, this.#squaredDistance(at, before, after));
    }
    return Math.sqrt(most);
  }

  /** The square of the distance from a vertex to the line between two others. */
  #squaredDistance(vertex: number, from: number, to: number): number {
    const x = this.#x[from] as number;
    const y = this.#y[from] as number;
    const dx = (this.#x[to] as number) - x;
    const dy = (this.#y[to] as number) - y;
    const px = (this.#x[vertex] as number) - x;
    const py = (this.#y[vertex] as number) - y;
    const share = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy || 1)));
    return (px - share * dx) ** 2 + (py - share * dy) ** 2;
  }

  /** A vertex on account of which another cannot be removed, without a crossing or touching; -1 for none. */
  #keeperOf(vertex: number): number {
    const [a, c] = [this.#previous[vertex] as number, this.#next[vertex] as number];
    const turn = Math.sign(this.#cross(a, vertex, c));
    return this.#grid.find(a, vertex, c, (at) => {
      if (at === a || at === vertex || at === c) return false;
      // Two rings that touch at both ends of the new line would run along each other.
      if (this.#areAtOnePlace(at, a)) return this.#hasNeighbourAt(at, c);
      if (this.#areAtOnePlace(at, c)) return this.#hasNeighbourAt(at, a);
      if (this.#areAtOnePlace(at, vertex)) return this.#reachesInto(at, a, c, turn);
      if (turn === 0) return this.#squaredDistance(at, a, c) < NOTHING;
      return (
        turn * this.#cross(a, vertex, at) >= -NOTHING &&
        turn * this.#cross(vertex, c, at) >= -NOTHING &&
        turn * this.#cross(c, a, at) >= -NOTHING
      );
    });
  }

  /** Whether a line goes from a vertex on into the angle towards two others. */
  #reachesInto(vertex: number, a: number, c: number, turn: number): boolean {
    if (turn === 0) return true;
    return [this.#previous[vertex] as number, this.#next[vertex] as number].some(
      (to) =>
        turn * this.#cross(a, vertex, to) > -NOTHING &&
        turn * this.#cross(vertex, c, to) > -NOTHING,
    );
  }

  #hasNeighbourAt(vertex: number, other: number): boolean {
    return (
      this.#areAtOnePlace(this.#previous[vertex] as number, other) ||
      this.#areAtOnePlace(this.#next[vertex] as number, other)
    );
  }

  #areAtOnePlace(a: number, b: number): boolean {
    return this.#x[a] === this.#x[b] && this.#y[a] === this.#y[b];
  }

  /** Twice the area of a triangle; positive when it runs clockwise with y down. */
  #cross(a: number, b: number, c: number): number {
    const x = this.#x[a] as number;
    const y = this.#y[a] as number;
    return (
      ((this.#x[b] as number) - x) * ((this.#y[c] as number) - y) -
      ((this.#y[b] as number) - y) * ((this.#x[c] as number) - x)
    );
  }
}
