import type { Caller } from '../core/caller.js';
import type { Embedding } from '../core/embedding.js';
import { SamError, violation } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import type { FoundMask } from '../core/mask.js';
import { LOW_RES_LOGITS } from '../core/masks/low-res-mask.js';
import type { Decoded, DecodeTask, LogitsKeeper, MaskOptions, PromptLane } from '../core/ports.js';
import type { Prompt } from '../core/prompt.js';
import { BYTES_PER_ELEMENT } from '../core/tensors/tensor.js';
import { answerBytes, checkAnswer, checkLogits, logitsBytes } from './memory/answer-size.js';
import type { Failures, MaskQuery, PredictedMask, Prediction, PromptAnswer } from './prediction.js';
import { batches } from './prompt-batches.js';
import {
  checkCount,
  checkGeometry,
  checkOutput,
  checkShape,
  clipped,
  maskCount,
  type PromptLimits,
} from './prompt-rules.js';
import { totalTimings } from './total-timings.js';
import { warningsOf } from './warnings.js';

/** Prompts in one task: few enough that all workers share in a request of many, and that a click waits for few. */
const BATCH = 2;
/** Of the logits of one mask, in 32 bits each. */
const LOGITS_BYTES = LOW_RES_LOGITS * BYTES_PER_ELEMENT.float32;

/** Answers prompts against embeddings, as segment-anything's class of that name does for one image. */
export class Predictor {
  readonly #lane: PromptLane;
  readonly #limits: PromptLimits;
  readonly #logits: LogitsKeeper;

  constructor(lane: PromptLane, logits: LogitsKeeper, limits: PromptLimits) {
    this.#lane = lane;
    this.#logits = logits;
    this.#limits = limits;
  }

  /**
   * Checks all of a request that can be checked before there is an embedding.
   * @throws SamError `invalid-request`, `too-many-prompts`, `answer-too-large`
   */
  check({ prompts, options, leniency }: MaskQuery): void {
    checkCount(prompts, this.#limits);
    if (leniency.onError === 'fail') checkShape(new Map(prompts.entries()), this.#limits);
    checkLogits(maskCount(prompts), options, this.#limits.maxAnswerBytes);
  }

  /**
   * @param query one that `check` has passed.
   * @throws SamError `prompt-invalid`, `logits-not-found`, `masks-too-large`, `answer-too-large`, `overloaded`
   */
  async predict(
    embedding: Embedding,
    { prompts, options, unreadable, leniency: { clip, onError } }: MaskQuery,
    caller: Caller,
  ): Promise<Prediction> {
    const { image, owner } = embedding;
    const all = clip ? prompts.map((prompt) => clipped(prompt, image)) : prompts;
    const failures: Failures = new Map(unreadable);
    const asked =
      onError === 'fail'
        ? await this.#admit(new Map(all.entries()), image, owner)
        : await this.#admitEach(all, image, owner, failures);
    checkOutput([...asked.values()], image, this.#limits);
    const tasks = batches(asked, onError === 'fail' ? BATCH : 1).map((batch) => ({
      ...batch,
      embedding,
      options,
    }));
    caller.memory.take('masks', maskCount([...asked.values()]) * logitsBytes(options));
    const decoded =
      onError === 'fail'
        ? await this.#lane.decode(tasks, caller)
        : await this.#decodeEach(tasks, caller, failures);
    const found = await Promise.all(
      decoded.map(({ results }) => this.#cut(results, embedding, options, caller)),
    );
    const results: PromptAnswer[] = [];
    for (const [place, error] of failures) results[place] = { masks: [], error };
    for (const [t, task] of tasks.entries()) {
      for (const [p, { index }] of task.prompts.entries()) {
        const masks = found[t]?.[p];
        if (!masks) continue;
        const keep = (mask: FoundMask) => this.#keep(mask, caller.client, owner);
        results[index] = { masks: await Promise.all(masks.map(keep)) };
      }
    }
    const bytes = this.checkAnswer(results, options);
    const timings = totalTimings(decoded);
    caller.report?.('masks', { prompts: prompts.length }, timings);
    return {
      ...{ embedding, options, results, bytes, timings },
      warnings: warningsOf(all, results, image),
      write: (mask, shape, prompt) =>
        this.#lane.write({ mask, image, options, shape, prompt, name: mask.found }, caller),
    };
  }

  /** Bytes of all masks in an answer, at most. @throws SamError `answer-too-large` */
  checkAnswer(results: readonly PromptAnswer[], options: MaskOptions): number {
    const masks = results.flatMap(({ masks }) => masks);
    const bytes = answerBytes(masks, options);
    checkAnswer(bytes, options, this.#limits.maxAnswerBytes);
    return bytes;
  }

  /** The prompts as the lane takes them. @throws SamError of the first that is bad */
  async #admit(
    prompts: ReadonlyMap<number, Prompt>,
    image: ImageSize,
    owner: string | undefined,
  ): Promise<Map<number, Prompt>> {
    checkGeometry(prompts, image);
    const ready = [...prompts].map(
      async ([place, prompt]) => [place, await this.#resolve(prompt, place, owner)] as const,
    );
    return new Map(await Promise.all(ready));
  }

  /** Those prompts that the lane can take; what is wrong with the others is put into `failures`. */
  async #admitEach(
    prompts: readonly Prompt[],
    image: ImageSize,
    owner: string | undefined,
    failures: Failures,
  ): Promise<Map<number, Prompt>> {
    const admitted = new Map<number, Prompt>();
    for (const [place, prompt] of prompts.entries()) {
      if (failures.has(place)) continue;
      try {
        const alone = new Map([[place, prompt]]);
        checkShape(alone, this.#limits);
        for (const [_, ready] of await this.#admit(alone, image, owner)) admitted.set(place, ready);
      } catch (error) {
        failures.set(place, asFailure(error));
      }
    }
    return admitted;
  }

  /**
   * Decodes tasks of one prompt each. A bad `mask_input` is found by the lane: such prompts go by themselves, the others
   * together.
   */
  async #decodeEach(
    tasks: readonly DecodeTask[],
    caller: Caller,
    failures: Failures,
  ): Promise<Decoded[]> {
    const hasMask = ({ prompts }: DecodeTask) => prompts[0]?.prompt.mask_input !== undefined;
    const sure = tasks.filter((task) => !hasMask(task));
    const together = sure.length > 0 ? this.#lane.decode(sure, caller) : Promise.resolve([]);
    const decoded = new Map<DecodeTask, Decoded>();
    const settled = await Promise.allSettled([
      together.then((each) => {
        for (const [i, one] of each.entries()) decoded.set(sure[i] as DecodeTask, one);
      }),
      ...tasks.filter(hasMask).map(async (task) => {
        try {
          const [one] = await this.#lane.decode([task], caller);
          decoded.set(task, one as Decoded);
        } catch (error) {
          failures.set(task.prompts[0]?.index as number, asFailure(error));
        }
      }),
    ]);
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
    return tasks.map((task) => decoded.get(task) ?? { results: [], timings: {} });
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

  /** Puts the logits that a token stands for in its place. */
  async #resolve(prompt: Prompt, place: number, owner: string | undefined): Promise<Prompt> {
    if (!prompt.mask_input || !('token' in prompt.mask_input)) return prompt;
    const mask_input = await this.#logits.find(prompt.mask_input.token, owner);
    if (mask_input) return { ...prompt, mask_input };
    const path = `/prompts/${place}/mask_input/token`;
    const message = 'has expired or never was: send the logits themselves, {"dtype", "data"}';
    throw violation('logits-not-found', path, message);
  }

  /** Keeps the logits a mask brings for it, and leaves a token in their place. */
  async #keep(
    { kept, ...mask }: FoundMask,
    client: string,
    owner: string | undefined,
  ): Promise<PredictedMask> {
    return kept ? { ...mask, logits_token: await this.#logits.keep(kept, client, owner) } : mask;
  }
}

/** What is wrong with a prompt. Anything else that is thrown is no fault of its own. */
function asFailure(error: unknown): SamError {
  if (error instanceof SamError && error.violations.length > 0) return error;
  throw error;
}
