/** Milliseconds a worker gives to one slice of long work, beside the network: a click waits for no more. */
const SLICE_MS = 100;

/** Does as many of the items, in their order, as fit a slice; one at least. @returns the results of those. */
export async function inSlice<T, R>(
  items: readonly T[],
  each: (item: T) => R | Promise<R>,
): Promise<R[]> {
  const end = performance.now() + SLICE_MS;
  const results: R[] = [];
  for (const item of items) {
    results.push(await each(item));
    if (performance.now() >= end) break;
  }
  return results;
}

/** Whether a slice that began at `start` is over. @param least milliseconds that it may take however long a slice is. */
export function sliceIsOver(start: number, least = 0): boolean {
  return performance.now() - start >= Math.max(SLICE_MS, least);
}
