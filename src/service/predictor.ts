import type { Embedding } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { Mask, PromptResult } from '../core/mask.js';
import type { DecodedMask, DecodeTask, MaskOptions, PromptLane, Timings } from '../core/ports.js';
import { batchKey, type Prompt } from '../core/prompt.js';
import type { LogitsStore } from '../store/logits-store.js';
import { checkGeometry, checkOutput, checkShape, type PromptLimits } from './prompt-rules.js';

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
  readonly #logits: LogitsStore;

  constructor(lane: PromptLane, logits: LogitsStore, limits: PromptLimits) {
    this.#lane = lane;
    this.#logits = logits;
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
   * @param client whose share of the token store the logits count to. The embedding's owner alone finds them.
   * @throws SamError `prompt-invalid`, `logits-not-found`, `masks-too-large`, `overloaded`
   */
  async predict(
    embedding: Embedding,
    prompts: readonly Prompt[],
    options: MaskOptions,
    signal: AbortSignal | undefined,
    client: string,
  ): Promise<Prediction> {
    checkGeometry(prompts, embedding.image);
    checkOutput(prompts, embedding.image, this.#limits);
    const tasks = batches(this.#resolve(prompts, embedding.owner)).map((batch) => ({
      embedding,
      prompts: batch,
      options,
    }));
    const decoded = await this.#lane.decode(tasks, signal);
    const results: PromptResult[] = [];
    for (const [t, task] of tasks.entries()) {
      for (const [p, { index }] of task.prompts.entries()) {
        const masks = decoded[t]?.results[p] as readonly DecodedMask[];
        results[index] = { masks: masks.map((mask) => this.#keep(mask, client, embedding.owner)) };
      }
    }
    return { embedding, results, timings: sum(decoded) };
  }

  /** Puts the logits that tokens stand for in their place. */
  #resolve(prompts: readonly Prompt[], owner: string | undefined): Prompt[] {
    return prompts.map((prompt, i) => {
      if (!prompt.mask_input || !('token' in prompt.mask_input)) return prompt;
      const mask_input = this.#logits.find(prompt.mask_input.token, owner);
      if (mask_input) return { ...prompt, mask_input };
      const path = `/prompts/${i}/mask_input/token`;
      const message = 'has expired or never was: send the logits themselves, {"dtype", "data"}';
      throw new SamError('logits-not-found', `${path} ${message}`, {
        violations: [{ path, message }],
      });
    });
  }

  /** Keeps the logits a mask brings, and leaves a token in their place. */
  #keep({ logits, ...mask }: DecodedMask, client: string, owner: string | undefined): Mask {
    return logits ? { ...mask, logits_token: this.#logits.keep(logits, client, owner) } : mask;
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
