import type { Caller } from '../core/caller.js';
import type { Embedding } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { FoundMask } from '../core/mask.js';
import type { MaskShape } from '../core/mask-shape.js';
import type { Decoded, DecodeTask, MaskOptions, PromptLane, Timings } from '../core/ports.js';
import { batchKey, type Prompt } from '../core/prompt.js';
import type { LogitsStore } from '../store/logits-store.js';
import { answerBytes, checkAnswer, checkLogits, logitsBytes } from './answer-size.js';
import {
  checkGeometry,
  checkOutput,
  checkShape,
  maskCount,
  type PromptLimits,
} from './prompt-rules.js';

/** Prompts in one task: few enough that all workers share in a request of many, and that a click waits for few. */
const BATCH = 2;
/** 256x256 numbers of 32 bits. */
const LOGITS_BYTES = 256 * 256 * 4;

export interface Prediction {
  readonly embedding: Embedding;
  readonly options: MaskOptions;
  /** One for each prompt, in their order. */
  readonly results: readonly { readonly masks: readonly PredictedMask[] }[];
  readonly timings: Timings;
  /** Of all masks in the answer, at most. */
  readonly bytes: number;
  /** Writes a mask that is not written yet. @param prompt the place of its prompt. */
  write(mask: PredictedMask, shape: MaskShape, prompt: number): Promise<Uint8Array>;
}

/** A mask whose logits, where they are kept, have a token. */
export interface PredictedMask extends Omit<FoundMask, 'kept'> {
  readonly logits_token?: string;
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
   * @throws SamError `invalid-request`, `too-many-prompts`, `answer-too-large`
   */
  check(prompts: readonly Prompt[], options: MaskOptions): void {
    checkShape(prompts, this.#limits);
    checkLogits(maskCount(prompts), options, this.#limits.maxAnswerBytes);
  }

  /**
   * @param prompts that `check` has passed.
   * @throws SamError `prompt-invalid`, `logits-not-found`, `masks-too-large`, `answer-too-large`, `overloaded`
   */
  async predict(
    embedding: Embedding,
    prompts: readonly Prompt[],
    options: MaskOptions,
    caller: Caller,
  ): Promise<Prediction> {
    const { image, owner } = embedding;
    checkGeometry(prompts, image);
    checkOutput(prompts, image, this.#limits);
    const tasks = batches(this.#resolve(prompts, owner)).map((batch) => ({
      embedding,
      prompts: batch,
      options,
    }));
    caller.memory.take('masks', maskCount(prompts) * logitsBytes(options));
    const decoded = await this.#lane.decode(tasks, caller);
    const found = await Promise.all(
      decoded.map(({ results }) => this.#cut(results, embedding, options, caller)),
    );
    const results: { masks: PredictedMask[] }[] = [];
    for (const [t, task] of tasks.entries()) {
      for (const [p, { index }] of task.prompts.entries()) {
        const masks = found[t]?.[p] as readonly FoundMask[];
        results[index] = { masks: masks.map((mask) => this.#keep(mask, caller.client, owner)) };
      }
    }
    const bytes = answerBytes(
      results.flatMap(({ masks }) => masks),
      options,
    );
    checkAnswer(bytes, options, this.#limits.maxAnswerBytes);
    return {
      ...{ embedding, options, results, bytes, timings: sum(decoded) },
      write: (mask, shape, prompt) =>
        this.#lane.write({ mask, image, options, shape, prompt }, caller),
    };
  }

  /** Brings those masks to their image's size that were too many for the task they were decoded in. */
  async #cut(
    results: Decoded['results'],
    { model, image }: Embedding,
    options: MaskOptions,
    caller: Caller,
  ): Promise<FoundMask[][]> {
    const left = results.flat().filter((mask) => 'uncut' in mask);
    caller.memory.take('masks', left.length * LOGITS_BYTES);
    const done: FoundMask[] = [];
    while (done.length < left.length) {
      const task = { model, image, options, masks: left.slice(done.length) };
      done.push(...(await this.#lane.cut(task, caller)));
    }
    caller.memory.give('masks', left.length * LOGITS_BYTES);
    const next = done.values();
    const found = results.map((masks) =>
      masks.map((mask) => ('uncut' in mask ? (next.next().value as FoundMask) : mask)),
    );
    const runs = found.flat().reduce((sum, mask) => sum + (mask.runs?.byteLength ?? 0), 0);
    caller.memory.take('masks', runs);
    return found;
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

  /** Keeps the logits a mask brings for it, and leaves a token in their place. */
  #keep({ kept, ...mask }: FoundMask, client: string, owner: string | undefined): PredictedMask {
    return kept ? { ...mask, logits_token: this.#logits.keep(kept, client, owner) } : mask;
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
