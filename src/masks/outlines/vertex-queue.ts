/** Vertices by number, the one of the smallest key first; of equal keys the one of the smaller number. */
export class VertexQueue {
  readonly #keys: Float64Array;
  /** A binary heap, and the place of each vertex in it; -1 for those that are not in it. */
  readonly #heap: Int32Array;
  readonly #places: Int32Array;
  #size = 0;

  constructor(vertices: number) {
    this.#keys = new Float64Array(vertices);
    this.#heap = new Int32Array(vertices);
    this.#places = new Int32Array(vertices).fill(-1);
  }

  /** Puts a vertex in, or to where its new key belongs. */
  set(vertex: number, key: number): void {
    this.#keys[vertex] = key;
    let at = this.#places[vertex] as number;
    if (at < 0) {
      at = this.#size++;
      this.#put(vertex, at);
    }
    this.#down(this.#up(at));
  }

  delete(vertex: number): void {
    const at = this.#places[vertex] as number;
    if (at < 0) return;
    this.#places[vertex] = -1;
    this.#size--;
    if (at === this.#size) return;
    this.#put(this.#heap[this.#size] as number, at);
    this.#down(this.#up(at));
  }

  /** Takes the first out; undefined where there is none. */
  shift(): number | undefined {
    if (this.#size === 0) return undefined;
    const first = this.#heap[0] as number;
    this.delete(first);
    return first;
  }

  #up(from: number): number {
    const heap = this.#heap;
    let at = from;
    const vertex = heap[at] as number;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as number;
      if (!this.#isBefore(vertex, parent)) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(vertex, at);
    return at;
  }

  #down(from: number): void {
    const heap = this.#heap;
    let at = from;
    const vertex = heap[at] as number;
    for (let below = 2 * at + 1; below < this.#size; below = 2 * at + 1) {
      let child = heap[below] as number;
      if (below + 1 < this.#size && this.#isBefore(heap[below + 1] as number, child)) {
        child = heap[++below] as number;
      }
      if (!this.#isBefore(child, vertex)) break;
      this.#put(child, at);
      at = below;
    }
    this.#put(vertex, at);
  }

  #put(vertex: number, at: number): void {
    this.#heap[at] = vertex;
    this.#places[vertex] = at;
  }

  #isBefore(a: number, b: number): boolean {
    const first = this.#keys[a] as number;
    const second = this.#keys[b] as number;
    return first < second || (first === second && a < b);
  }
}
