import { parentPort, workerData } from 'node:worker_threads';

/**
 * A thread that is ended inside of onnxruntime takes the process with it: what the library hands back has no
 * JavaScript to go to, and that is fatal. So a worker and the main thread share a word, which says where the worker is:
 *
 *     FREE --enter--> NATIVE --leave--> FREE         by the worker
 *     FREE or NATIVE --condemn--> CONDEMNED          by the main thread, for good
 *
 * All changes are `compareExchange`, so the two cannot miss each other:
 * - who condemns a word that was FREE may end the thread at once: the worker can only enter by finding FREE, which it
 *   never does again;
 * - who condemns a word that was NATIVE waits: the worker, leaving, does not find NATIVE, tells so, and sleeps until it
 *   is ended. A sleeping thread is in no library.
 *
 * Native code runs only while no JavaScript of its thread does, so that a worker with several calls under way may
 * sleep wherever it comes upon the condemnation.
 */
export type SectionWord = Int32Array<SharedArrayBuffer>;

const [FREE, NATIVE, CONDEMNED] = [0, 1, 2] as const;

/** What a condemned worker tells as it goes to sleep. */
export const PARKED = 'parked';

/** The word of a worker yet to be started: it loads libraries before it does anything else. */
export function newSection(): SectionWord {
  return new Int32Array(new SharedArrayBuffer(4)).fill(NATIVE);
}

/** For the main thread: @returns whether the worker may be ended now; if not, once it tells that it is `PARKED`. */
export function condemn(word: SectionWord): boolean {
  if (Atomics.compareExchange(word, 0, FREE, CONDEMNED) === FREE) return true;
  // It may leave between the two, and must not be left uncondemned.
  if (Atomics.compareExchange(word, 0, NATIVE, CONDEMNED) !== FREE) return false;
  return condemn(word);
}

/** This worker's word; none on the main thread, which nobody ends. */
const own = (workerData as { nativeSection?: SectionWord } | null)?.nativeSection;
/** Calls under way. The first is that of loading the worker's modules. */
let depth = 1;

/** For a worker: its modules have been loaded. */
export function started(): void {
  leave();
}

/** For a worker: does something in which it must not be ended. */
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
