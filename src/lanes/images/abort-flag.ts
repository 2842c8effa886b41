/**
 * Runs work that another thread may give up when nobody waits for it any more.
 * @param work gets shared memory of one number, which is not 0 once the signal has aborted.
 */
export async function withAbortFlag<T>(
  signal: AbortSignal | undefined,
  work: (abortFlag: Int32Array) => Promise<T>,
): Promise<T> {
  const abortFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const raise = () => Atomics.store(abortFlag, 0, 1);
  signal?.addEventListener('abort', raise);
  try {
    return await work(abortFlag);
  } finally {
    signal?.removeEventListener('abort', raise);
  }
}
