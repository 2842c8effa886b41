import type { Embedding } from '../core/embedding.js';
import type { PromptResult } from '../core/mask.js';
import type { DecodeTask, MaskOptions, PromptLane, Timings } from '../core/ports.js';
import { batchKey, type Prompt } from '../core/prompt.js';
import { checkGeometry, checkShape, type PromptLimits } from './prompt-rules.js';

/** Prompts in one task: few enough that all workers share in a request of many. */
const BATCH = 4;

export interface Prediction {
  readonly embedding: Embedding;
  /** One for each prompt, in their order. */
  readonly results: readonly PromptResult[];
  readonly timings: Timings;
}

/** Answers prompts against embeddings, as segment-anything's class of that name does for one image. */
export class Predictor {
  readonly #lane: PromptLane;
  readonly #limits: PromptLimits;

  constructor(lane: PromptLane, limits: PromptLimits) {
    this.#lane = lane;
    this.#limits = limits;
  }

  /**
   * Checks all of a request that can be checked before there is an embedding.
   * @throws SamError `invalid-request`, `too-many-prompts`
   */
  check(prompts: readonly Prompt[]): void {
    checkShape(prompts, this.#limits);
  }

  /**
   * @param prompts that `check` has passed.
   * @throws SamError `prompt-invalid`, `overloaded`
   */
  async predict(
    embedding: Embedding,
    prompts: readonly Prompt[],
    options: MaskOptions,
    signal?: AbortSignal,
  ): Promise<Prediction> {
    checkGeometry(prompts, embedding.image);
    const tasks = batches(prompts).map((batch) => ({ embedding, prompts: batch, options }));
    const decoded = await this.#lane.decode(tasks, signal);
    const results: PromptResult[] = [];
    for (const [t, task] of tasks.entries()) {
      for (const [p, { index }] of task.prompts.entries()) {
        results[index] = decoded[t]?.results[p] as PromptResult;
      }
    }
    return { embedding, results, timings: sum(decoded) };
  }
}

/** Prompts that can run together, in tasks of at most `BATCH`. */
function batches(prompts: readonly Prompt[]): DecodeTask['prompts'][] {
  const byKey = new Map<string, { index: number; prompt: Prompt }[]>();
  for (const [index, prompt] of prompts.entries()) {
    const key = batchKey(prompt);
    const group = byKey.get(key) ?? [];
    if (group.push({ index, prompt }) === 1) byKey.set(key, group);
  }
  return [...byKey.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / BATCH) }, (_, i) =>
      group.slice(i * BATCH, (i + 1) * BATCH),
    ),
  );
}

function sum(decoded: readonly { timings: Timings }[]): Timings {
  const total: Record<string, number> = {};
  for (const { timings } of decoded) {
    for (const [step, ms] of Object.entries(timings)) total[step] = (total[step] ?? 0) + ms;
  }
  return total;
}
