/** Vertices that a cell of the grid has on average. */
const EACH = 2;
/** Where a line crosses a row of cells is rounded. */
const SLACK = 1e-6;

/** Vertices by place, so that those in a triangle are found among the few near it. */
export class VertexGrid {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #left: number;
  readonly #top: number;
  readonly #size: number;
  readonly #columns: number;
  /** The first vertex of each cell, and each vertex's neighbours in its cell; -1 for none. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Cells and vertices that have been looked at, in all. */
  looks = 0;

  constructor(x: Float64Array, y: Float64Array) {
    this.#x = x;
    this.#y = y;
    const [left, right] = rangeOf(x);
    const [top, bottom] = rangeOf(y);
    const [width, height] = [right - left, bottom - top];
    this.#left = left;
    this.#top = top;
    this.#size = Math.max(1, Math.sqrt((EACH * width * height) / x.length));
    this.#columns = Math.floor(width / this.#size) + 1;
    this.#heads = new Int32Array(this.#columns * (Math.floor(height / this.#size) + 1)).fill(-1);
    this.#next = new Int32Array(x.length).fill(-1);
    this.#previous = new Int32Array(x.length).fill(-1);
    for (const vertex of x.keys()) this.#add(vertex);
  }

  delete(vertex: number): void {
    const [before, after] = [this.#previous[vertex] as number, this.#next[vertex] as number];
    if (before < 0) this.#heads[this.#cellOf(vertex)] = after;
    else this.#next[before] = after;
    if (after >= 0) this.#previous[after] = before;
  }

  /** The first vertex found for which `test` holds, of all those in or near the triangle of three; -1 for none. */
  find(a: number, b: number, c: number, test: (vertex: number) => boolean): number {
    const [x, y] = [this.#x, this.#y];
    const [ax, bx, cx] = [x[a] as number, x[b] as number, x[c] as number];
    const [ay, by, cy] = [y[a] as number, y[b] as number, y[c] as number];
    const [left, right] = [Math.min(ax, bx, cx), Math.max(ax, bx, cx)];
    const first = this.#rowOf(Math.min(ay, by, cy));
    const last = this.#rowOf(Math.max(ay, by, cy));
    for (let row = first; row <= last; row++) {
      let [from, to] = [left, right];
      if (first < last && left < right) {
        const above = this.#top + row * this.#size - SLACK;
        const band = new Band(above, above + this.#size + 2 * SLACK);
        band.clip(ax, ay, bx, by);
        band.clip(bx, by, cx, cy);
        band.clip(cx, cy, ax, ay);
        [from, to] = [band.from - SLACK, band.to + SLACK];
      }
      const start = row * this.#columns;
      const end = start + this.#columnOf(to);
      for (let cell = start + this.#columnOf(from); cell <= end; cell++) {
        this.looks++;
        for (let at = this.#heads[cell] as number; at >= 0; at = this.#next[at] as number) {
          this.looks++;
          if (test(at)) return at;
        }
      }
    }
    return -1;
  }

  #add(vertex: number): void {
    const cell = this.#cellOf(vertex);
    const head = this.#heads[cell] as number;
    this.#next[vertex] = head;
    if (head >= 0) this.#previous[head] = vertex;
    this.#heads[cell] = vertex;
  }

  #cellOf(vertex: number): number {
    const row = this.#rowOf(this.#y[vertex] as number);
    return row * this.#columns + this.#columnOf(this.#x[vertex] as number);
  }

  #columnOf(x: number): number {
    const column = Math.floor((x - this.#left) / this.#size);
    return Math.min(Math.max(column, 0), this.#columns - 1);
  }

  #rowOf(y: number): number {
    return Math.floor((y - this.#top) / this.#size);
  }
}

function rangeOf(values: Float64Array): [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

/** How far lines reach to both sides between two heights. */
class Band {
  from = Number.POSITIVE_INFINITY;
  to = Number.NEGATIVE_INFINITY;
  readonly #above: number;
  readonly #below: number;

  constructor(above: number, below: number) {
    this.#above = above;
    this.#below = below;
  }

  clip(ax: number, ay: number, bx: number, by: number): void {
    const high = Math.max(Math.min(ay, by), this.#above);
    const low = Math.min(Math.max(ay, by), this.#below);
    if (high > low) return;
    const slope = ay === by ? 0 : (bx - ax) / (by - ay);
    const one = ay === by ? ax : ax + (high - ay) * slope;
    const other = ay === by ? bx : ax + (low - ay) * slope;
    this.from = Math.min(this.from, one, other);
    this.to = Math.max(this.to, one, other);
  }
}
