import type { FloatTensor } from '../../onnx/float-tensor.js';
import type { Weights } from '../../sam/weights/weights.js';
import type { DecoderTrainer } from '../decoder-trainer.js';
import type { FineTuning } from './fine-tuning.js';
import { Interrupted } from './interrupted.js';
import type { Progress } from './progress.js';
import { type RunState, type StepReport, type ValidationReport, writeState } from './run-state.js';
import type { Validation } from './validation.js';

/** Milliseconds between two times that all is written down, so that a crash loses no more. */
const SAVE_EVERY = 60_000;
const MINUTE = 60_000;

/** When a run ends, and how often it is looked at. */
export interface RunOptions {
  readonly steps: number;
  readonly minutes: number;
  readonly validateEvery: number;
  /** Validations without progress before the end. */
  readonly patience: number;
}

export interface RunParts {
  readonly trainer: DecoderTrainer;
  readonly tuning: FineTuning;
  readonly validation: Validation | undefined;
  readonly progress: Progress;
  /** Where its state is kept, under what stands for all that shapes it. */
  readonly folder: string;
  readonly fingerprint: string;
  /** Of an earlier process. */
  readonly state: RunState | undefined;
  /** When this process began with it, by `performance.now()`. */
  readonly startedAt: number;
}

/** What has come of a run. */
export interface Outcome {
  readonly steps: readonly StepReport[];
  /** The first is of step 0, before all training. */
  readonly validations: readonly ValidationReport[];
  /** Those that did best, or without a validation the last. */
  readonly weights: Weights;
  readonly elapsedMs: number;
}

/** A training run from its first or any later step to its end. */
export class Run {
  readonly #parts: RunParts;
  readonly #options: RunOptions;
  readonly #steps: StepReport[];
  readonly #validations: ValidationReport[];
  #best: ReadonlyMap<string, Float32Array> | undefined;
  #savedAt = performance.now();

  constructor(parts: RunParts, options: RunOptions) {
    const { state, trainer } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#steps = [...(state?.steps ?? [])];
    this.#validations = [...(state?.validations ?? [])];
    this.#best = state?.best;
    if (state) trainer.trained.restore(state.optimizer);
  }

  /** @throws Interrupted between two steps, with all that was learned on the disk; Error of a step that failed */
  async toEnd(signal: AbortSignal): Promise<Outcome> {
    const { tuning, progress } = this.#parts;
    if (this.#validations.length === 0) await this.#validate();
    progress.begin('training', 1000);
    while (!this.#isOver()) {
      if (signal.aborted) {
        await this.#save();
        throw new Interrupted(`interrupted after step ${this.#step}`);
      }
      this.#steps.push(await tuning.step(this.#done()));
      progress.update(Math.round(1000 * this.#done()), this.#note());
      if (this.#step % this.#options.validateEvery === 0) await this.#validate();
      if (performance.now() - this.#savedAt > SAVE_EVERY) await this.#save();
    }
    if (this.#validations.at(-1)?.step !== this.#step) await this.#validate();
    progress.end();
    await this.#save();
    return {
      steps: this.#steps,
      validations: this.#validations,
      weights: this.#bestWeights(),
      elapsedMs: this.#elapsedMs(),
    };
  }

  get #step(): number {
    return this.#steps.length;
  }

  #elapsedMs(): number {
    const { startedAt, state } = this.#parts;
    return (state?.elapsedMs ?? 0) + performance.now() - startedAt;
  }

  /** How much of the run lies behind it, in 0..1. */
  #done(): number {
    const { steps, minutes } = this.#options;
    return Math.min(1, Math.max(this.#step / steps, this.#elapsedMs() / (MINUTE * minutes)));
  }

  #isOver(): boolean {
    const trained = this.#validations.filter(({ step }) => step > 0);
    const best = trained.findIndex(({ iou }) => iou === this.#bestIou());
    return this.#done() >= 1 || trained.length - 1 - best >= this.#options.patience;
  }

  /** After a step. */
  #bestIou(): number {
    return this.#validations.reduce(
      (best, { step, iou }) => (step > 0 ? Math.max(best, iou) : best),
      -1,
    );
  }

  async #validate(): Promise<void> {
    const { validation, trainer } = this.#parts;
    if (!validation) return;
    const best = this.#bestIou();
    const iou = await validation.oneClickIou(trainer);
    this.#validations.push({ step: this.#step, iou });
    if (this.#step === 0 || iou <= best) return;
    this.#best = new Map([...trainer.weights].map(([name, { data }]) => [name, data.slice()]));
  }

  #bestWeights(): Weights {
    const { weights } = this.#parts.trainer;
    const best = this.#best;
    if (!best) return weights;
    const data = (name: string) => best.get(name) as Float32Array;
    return new Map(
      [...weights].map(([name, { shape }]): [string, FloatTensor] => [
        name,
        { shape, data: data(name) },
      ]),
    );
  }

  #note(): string {
    const last = this.#steps.slice(-10);
    const loss = last.reduce((sum, step) => sum + step.loss, 0) / last.length;
    const kept = last.reduce((sum, step) => sum + (step.kept ?? 0), 0) / last.length;
    const { iou } = this.#validations.at(-1) ?? {};
    return [
      `step ${this.#step}`,
      `loss ${loss.toFixed(3)}`,
      ...(last.some((step) => step.kept !== undefined) ? [`kept ${kept.toFixed(3)}`] : []),
      ...(iou === undefined ? [] : [`validation IoU ${(100 * iou).toFixed(1)} %`]),
    ].join(', ');
  }

  async #save(): Promise<void> {
    const { folder, fingerprint, trainer } = this.#parts;
    await writeState(folder, {
      fingerprint,
      steps: this.#steps,
      validations: this.#validations,
      elapsedMs: this.#elapsedMs(),
      optimizer: trainer.trained.state,
      best: this.#best,
    });
    this.#savedAt = performance.now();
  }
}
