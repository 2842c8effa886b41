import type { DecodeTask } from '../core/ports.js';
import { batchKey, type Prompt } from '../core/prompt.js';

/** Prompts that can run together, in tasks of at most `size`. */
export function batches(
  prompts: ReadonlyMap<number, Prompt>,
  size: number,
): DecodeTask['prompts'][] {
  const byKey = new Map<string, { index: number; prompt: Prompt }[]>();
  for (const [index, prompt] of prompts) {
    const key = batchKey(prompt);
    const group = byKey.get(key) ?? [];
    if (group.push({ index, prompt }) === 1) byKey.set(key, group);
  }
  return [...byKey.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / size) }, (_, i) =>
      group.slice(i * size, (i + 1) * size),
    ),
  );
}
