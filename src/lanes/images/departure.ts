/**
 * Runs work that another thread may give up when nobody waits for it any more.
 * @param work gets shared memory of one number, which is not 0 once the signal has aborted.
 */
export async function withDeparture<T>(
  signal: AbortSignal | undefined,
  work: (left: Int32Array) => Promise<T>,
): Promise<T> {
  const left = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const leave = () => Atomics.store(left, 0, 1);
  signal?.addEventListener('abort', leave);
  try {
    return await work(left);
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}
