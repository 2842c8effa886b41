import { parentPort, workerData } from 'node:worker_threads';

/**
 * Ending a thread inside of onnxruntime ends the process: the library returns to JavaScript that no longer exists.
 * So a worker and the main thread share a word, which says where the worker is:
 *
 *     FREE --enter--> NATIVE --leave--> FREE         by the worker
 *     FREE or NATIVE --condemn--> CONDEMNED          by the main thread, for good
 *
 * All changes are `compareExchange`, so neither side can miss the other's:
 * - the main thread condemns a FREE word: it may end the worker at once, which enters native code only from FREE;
 * - the main thread condemns a NATIVE word: it waits. The worker, on leaving, finds CONDEMNED in place of NATIVE, sends
 *   `PARKED`, and sleeps until it is ended. A sleeping thread is in no library.
 *
 * A thread runs either native code or JavaScript. So a worker with several calls under way may sleep at the first step
 * that finds CONDEMNED.
 */
export type SectionWord = Int32Array<SharedArrayBuffer>;

const [FREE, NATIVE, CONDEMNED] = [0, 1, 2] as const;

/** The message of a condemned worker that goes to sleep. */
export const PARKED = 'parked';

/** The word of a worker before its start, which begins with loading libraries. */
export function newSection(): SectionWord {
  return new Int32Array(new SharedArrayBuffer(4)).fill(NATIVE);
}

/** For the main thread. @returns whether the worker may be ended now; if not, the caller waits for `PARKED`. */
export function condemn(word: SectionWord): boolean {
  if (Atomics.compareExchange(word, 0, FREE, CONDEMNED) === FREE) return true;
  // The worker may have left between the two exchanges: condemn it again.
  if (Atomics.compareExchange(word, 0, NATIVE, CONDEMNED) !== FREE) return false;
  return condemn(word);
}

/** This worker's word. The main thread has none: it is never ended. */
const own = (workerData as { nativeSection?: SectionWord } | null)?.nativeSection;
/** Calls under way. The first is the loading of the worker's modules. */
let depth = 1;

/** For a worker: its modules have been loaded. */
export function started(): void {
  leave();
}

/** For a worker: runs work during which the thread must not be ended. */
export async function inNativeCode<T>(work: () => Promise<T>): Promise<T> {
  enter();
  try {
    return await work();
  } finally {
    leave();
  }
}

function enter(): void {
  depth++;
  if (own) step(own, depth === 1 ? FREE : NATIVE, NATIVE);
}

function leave(): void {
  depth--;
  if (own) step(own, NATIVE, depth === 0 ? FREE : NATIVE);
}

function step(word: SectionWord, from: number, to: number): void {
  if (Atomics.compareExchange(word, 0, from, to) === from) return;
  parentPort?.postMessage(PARKED);
  Atomics.wait(word, 0, CONDEMNED);
}
