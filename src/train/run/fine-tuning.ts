import { OperatorError } from '../../core/errors.js';
import { preprocessShape } from '../../core/image.js';
import { DECODER } from '../../sam/architecture.js';
import type { Embedder } from '../data/embedder.js';
import { type TrainingImage, unpackObject } from '../data/training-image.js';
import type { DecoderTrainer } from '../decoder-trainer.js';
import { NotFinite } from '../not-finite.js';
import { type Random, randomFor, shuffled } from '../random.js';
import type { KeptPhotographs } from './kept-photographs.js';
import { LessonSum } from './lesson-sum.js';
import { type Exercise, learn } from './rounds.js';
import type { StepReport } from './run-state.js';
import { ratesAt, type Schedule } from './schedule.js';

/** What shapes a step. */
export interface StepOptions extends Schedule {
  /** Images in a step. */
  readonly batch: number;
  /** Objects of each, at most. */
  readonly perImage: number;
  /** After the first prompt. */
  readonly clicks: number;
  readonly seed: number;
}

/** What is learned from. */
export interface Lessons {
  readonly images: readonly TrainingImage[];
  readonly kept: KeptPhotographs | undefined;
}

/** Step by step: what a step does depends on its number, the weights and AdamW's memory of them, and nothing else. */
export class FineTuning {
  readonly #trainer: DecoderTrainer;
  readonly #embedder: Embedder;
  readonly #lessons: Lessons;
  readonly #options: StepOptions;

  constructor(trainer: DecoderTrainer, embedder: Embedder, lessons: Lessons, options: StepOptions) {
    this.#trainer = trainer;
    this.#embedder = embedder;
    this.#lessons = lessons;
    this.#options = options;
  }

  /**
   * The next step: its images, as many objects of a kept photograph where there are such, and one change of all weights.
   * @param done how much of the run lies behind it, in 0..1.
   * @throws OperatorError naming the step when a loss or a gradient is no number; the weights are as before then
   */
  async step(done: number): Promise<StepReport> {
    const { batch, clicks, seed } = this.#options;
    const step = this.#trainer.trained.steps + 1;
    const random = randomFor(seed, 'step', step);
    try {
      const learned = new LessonSum();
      for (let i = 0; i < batch; i++) {
        const image = this.#imageOf((step - 1) * batch + i);
        const teach = this.#trainer.run.bind(this.#trainer);
        await learn(await this.#exercise(image, random), teach, { clicks, random, into: learned });
      }
      const gradients = new Map<string, Float32Array>();
      learned.addMeanTo(gradients);
      const report = { step, loss: learned.loss };
      const kept = await this.#imitate(random, gradients);
      this.#trainer.step(gradients, ratesAt(this.#options, step, done));
      return kept === undefined ? report : { ...report, kept };
    } catch (cause) {
      if (!(cause instanceof NotFinite)) throw cause;
      const message = `step ${step}: ${cause.message}; give a lower --rate, or look at the data of this step`;
      throw new OperatorError(message, { cause });
    }
  }

  /** @returns the loss, where photographs are kept. */
  async #imitate(random: Random, gradients: Map<string, Float32Array>) {
    const { kept } = this.#lessons;
    if (!kept) return undefined;
    const { clicks, perImage } = this.#options;
    const learned = new LessonSum();
    const teach = this.#trainer.imitate.bind(this.#trainer);
    await learn(await kept.exercise(perImage, random), teach, { clicks, random, into: learned });
    learned.addMeanTo(gradients);
    return learned.loss;
  }

  /** The image whose turn it is: each comes once before any comes again. */
  #imageOf(turn: number): TrainingImage {
    const { images } = this.#lessons;
    const order = shuffled(
      images,
      randomFor(this.#options.seed, 'order', Math.floor(turn / images.length)),
    );
    return order[turn % images.length] as TrainingImage;
  }

  async #exercise(image: TrainingImage, random: Random): Promise<Exercise> {
    const objects = shuffled(image.objects, random).slice(0, this.#options.perImage);
    return {
      embedding: await this.#embedder.read(image),
      size: preprocessShape(image.size, DECODER.imageSize),
      objects: objects.map(unpackObject),
    };
  }
}
