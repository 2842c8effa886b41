import { signal } from '@preact/signals';
import type { Embedding, Progress } from 'sam-split-client';

/** What an image goes through until it can be asked about. */
export type StageName = 'hash' | 'upload' | 'queue' | 'encode' | 'fetch' | 'prepare' | 'ready';

export interface StageState {
  readonly name: StageName;
  readonly state: 'running' | 'done' | 'skipped';
  /** From 0 to 1, where it is known. */
  readonly fraction?: number;
  readonly ms?: number;
}

/** In the order in which they began. */
export const stages = signal<readonly StageState[]>([]);

export function clearStages(): void {
  stages.value = [];
}

/** Takes what the client tells. */
export function showProgress({ stage, fraction, ms, done }: Progress): void {
  put({
    name: stage,
    state: done ? 'done' : 'running',
    ms,
    ...(fraction !== undefined && { fraction }),
  });
}

/** What only the service knows, once it has answered: how much of the encode's time the image waited for its turn. */
export function showTimings({ uploaded, timings }: Embedding): void {
  if (!uploaded) put({ name: 'upload', state: 'skipped' });
  const queue = timings['queue_ms'];
  const encode = stages.value.find(({ name }) => name === 'encode')?.ms;
  if (queue === undefined || encode === undefined) return;
  put({ name: 'queue', state: 'done', ms: queue });
  put({ name: 'encode', state: 'done', ms: Math.max(0, encode - queue) });
}

const ORDER: readonly StageName[] = [
  'hash',
  'upload',
  'queue',
  'encode',
  'fetch',
  'prepare',
  'ready',
];

function put(stage: StageState): void {
  const others = stages.value.filter(({ name }) => name !== stage.name);
  stages.value = [...others, stage].sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
}
