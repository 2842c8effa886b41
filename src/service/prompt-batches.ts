import type { DecodeTask } from '../core/ports.js';
import { batchKey, type Prompt, wantsMultimask } from '../core/prompt.js';

/** Prompts that can run together. */
type Batch = Pick<DecodeTask, 'batch' | 'multimask' | 'prompts'>;

/** Prompts by what they have in common, at most `size` together. */
export function batches(prompts: ReadonlyMap<number, Prompt>, size: number): Batch[] {
  const byKey = new Map<string, { index: number; prompt: Prompt }[]>();
  for (const [index, prompt] of prompts) {
    const key = batchKey(prompt);
    const group = byKey.get(key) ?? [];
    if (group.push({ index, prompt }) === 1) byKey.set(key, group);
  }
  return [...byKey].flatMap(([batch, group]) => {
    const [{ prompt }] = group as [(typeof group)[0]];
    const multimask = wantsMultimask(prompt);
    return Array.from({ length: Math.ceil(group.length / size) }, (_, i) => ({
      ...{ batch, multimask },
      prompts: group.slice(i * size, (i + 1) * size),
    }));
  });
}
