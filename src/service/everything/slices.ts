/** Items of the first slice, and of any: what crosses to a worker and back at once. */
const [FIRST, MOST] = [8, 64];

/**
 * Gives items to `work`, which does as many as fit a slice, one at least, until all are done. While one slice's results
 * are read, the next is worked on, and no further one.
 */
export async function* inSlices<T, R>(
  items: readonly T[],
  work: (some: readonly T[]) => Promise<readonly R[]>,
): AsyncGenerator<readonly R[], void> {
  let done = 0;
  let size = FIRST;
  const begin = () => {
    const asked = items.slice(done, done + size);
    const results = work(asked);
    // Its failure is met when its turn comes, if it does.
    results.catch(() => {});
    return { asked: asked.length, results };
  };
  let running = items.length > 0 ? begin() : undefined;
  while (running) {
    const { asked, results } = running;
    const finished = await results;
    done += finished.length;
    size = finished.length < asked ? finished.length : Math.min(2 * size, MOST);
    running = done < items.length ? begin() : undefined;
    yield finished;
  }
}
