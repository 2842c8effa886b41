import { computed, signal } from '@preact/signals';
import type { DecodedMask } from 'sam-split-client';
import { addMasks } from './scene.js';

export interface FoundObject {
  readonly id: number;
  readonly mask: DecodedMask;
  /** What it answers, where it was looked for by a name. */
  readonly name?: string;
}

/** How objects are looked for. */
export type Search = 'everything' | 'name';

/** What the last search has found so far and nobody has picked. */
export const found = signal<readonly FoundObject[]>([]);
/** The search that goes on, and the one that `found` is of. */
export const searching = signal<Search | undefined>(undefined);
export const searched = signal<Search>('everything');

/** Whether clicks pick masks rather than ask for new ones. */
export const picking = computed(() => found.value.length > 0 || searching.value !== undefined);

let run = new AbortController();

/** Runs a search in place of any other. It is told to end when another begins or nobody wants it. */
export async function search(kind: Search, work: (signal: AbortSignal) => Promise<void>) {
  forgetFound();
  run = new AbortController();
  const { signal } = run;
  searching.value = kind;
  searched.value = kind;
  try {
    await work(signal);
  } finally {
    if (run.signal === signal) searching.value = undefined;
  }
}

/** Ends the search, and keeps what was found. */
export function stopSearch(): void {
  run.abort();
  searching.value = undefined;
}

export function forgetFound(): void {
  stopSearch();
  found.value = [];
}

/** Makes an object of one that was found. */
export function pick(object: FoundObject): void {
  addMasks([object]);
  found.value = found.value.filter(({ id }) => id !== object.id);
}

export function pickAll(): void {
  addMasks(found.value);
  forgetFound();
}
