import type { Embedding } from '../core/embedding.js';
import type { PromptResult } from '../core/mask.js';
import type { DecodeTask, MaskOptions, PromptLane, Timings } from '../core/ports.js';
import { type Prompt, tokenCount } from '../core/prompt.js';
import { checkGeometry, checkShape, type PromptLimits } from './prompt-rules.js';

/** Prompts in one run of the decoder: its activations weigh some 30 MB a prompt. */
const BATCH = 8;

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

/** Prompts by their number of tokens, in runs of at most `BATCH`. */
function batches(prompts: readonly Prompt[]): DecodeTask['prompts'][] {
  const byTokens = new Map<number, { index: number; prompt: Prompt }[]>();
  for (const [index, prompt] of prompts.entries()) {
    const tokens = tokenCount(prompt);
    const group = byTokens.get(tokens) ?? [];
    if (group.push({ index, prompt }) === 1) byTokens.set(tokens, group);
  }
  return [...byTokens.values()].flatMap((group) =>
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
