import { onceEach } from '../core/once-each.js';
import { openSession, type Session } from '../engine/session.js';
import type { Weights } from '../sam/weights/weights.js';
import {
  type DecoderAnswer,
  type FramePrompt,
  labelFeeds,
  promptFeeds,
  type TrainingPrompt,
  teacherFeeds,
  weightFeeds,
} from './feeds.js';
import type { SupervisedIou } from './graph/loss.js';
import {
  buildAnsweringGraph,
  buildImitationGraph,
  buildTrainingGraph,
  GRADIENT_OF,
} from './graph/training-graph.js';
import { type Rates, TrainedWeights } from './trained-weights.js';

export type { TrainingPrompt } from './feeds.js';

/** What the decoder answers to B prompts, how far off it is, and what would change that. */
export interface Lesson extends DecoderAnswer {
  /** [B] */
  readonly losses: readonly number[];
  /** Of the sum of the losses, by the name of what they are for. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** The same with the parts of a loss that compares masks with a label. */
export interface TrainingAnswer extends Lesson {
  /** [B,4] each */
  readonly focal: Float32Array;
  readonly dice: Float32Array;
  readonly iouTargets: Float32Array;
  /** [B] the token of least loss. */
  readonly chosen: readonly number[];
}

type Answer = Awaited<ReturnType<Session['run']>>;

/** The prompt encoder and mask decoder while they learn. */
export class DecoderTrainer {
  readonly trained: TrainedWeights;
  /** The weights before all training. */
  readonly before: Weights;
  readonly #session: (graph: 'labels' | 'imitation' | 'answers') => Promise<Session>;

  private constructor(
    weights: Weights,
    threads: number,
    more: readonly string[],
    iouOf: SupervisedIou | undefined,
  ) {
    this.trained = new TrainedWeights(weights);
    this.before = weights;
    const build = {
      labels: () => buildTrainingGraph(weights, more, iouOf),
      imitation: () => buildImitationGraph(weights),
      answers: () => buildAnsweringGraph(weights),
    };
    const gpuTurn = new SharedArrayBuffer(4);
    this.#session = onceEach((graph: keyof typeof build) =>
      openSession(build[graph](), { device: 'cpu', threads, gpuTurn }),
    );
  }

  /** @param more names of inputs whose gradients are wanted beside the weights'. */
  static async open(
    weights: Weights,
    threads: number,
    more: readonly string[] = [],
    iouOf?: SupervisedIou,
  ): Promise<DecoderTrainer> {
    const trainer = new DecoderTrainer(weights, threads, more, iouOf);
    await trainer.#session('labels');
    return trainer;
  }

  /** The weights as they are now: views, which the next step changes. */
  get weights(): Weights {
    return this.trained.now;
  }

  /**
   * Answers prompts of equally many tokens about one image, with the gradients of the sum of their losses.
   * @param embedding [1,256,64,64]
   */
  async run(embedding: Float32Array, prompts: readonly TrainingPrompt[]): Promise<TrainingAnswer> {
    const answer = await (await this.#session('labels')).run({
      ...promptFeeds(embedding, prompts),
      ...labelFeeds(prompts),
      ...weightFeeds(this.weights),
    });
    return {
      ...lessonOf(answer),
      focal: floats(answer, 'focal'),
      dice: floats(answer, 'dice'),
      iouTargets: floats(answer, 'iou_target'),
      chosen: Array.from(answer['chosen']?.data as BigInt64Array, Number),
    };
  }

  /** The same with the answers as they were before all training for what is right. */
  async imitate(embedding: Float32Array, prompts: readonly TrainingPrompt[]): Promise<Lesson> {
    const teacher = await this.answer(embedding, prompts, this.before);
    const answer = await (await this.#session('imitation')).run({
      ...promptFeeds(embedding, prompts),
      ...teacherFeeds(prompts, teacher),
      ...weightFeeds(this.weights),
    });
    return lessonOf(answer);
  }

  /** Answers alone, as they are now or would be with other weights. */
  async answer(
    embedding: Float32Array,
    prompts: readonly FramePrompt[],
    weights = this.weights,
  ): Promise<DecoderAnswer> {
    const session = await this.#session('answers');
    const answer = await session.run({
      ...promptFeeds(embedding, prompts),
      ...weightFeeds(weights),
    });
    return { masks: floats(answer, 'low_res_masks'), ious: floats(answer, 'iou_predictions') };
  }

  /** One step of AdamW. @throws NotFinite as `TrainedWeights.step` */
  step(gradients: ReadonlyMap<string, Float32Array>, rates: Rates): void {
    this.trained.step(gradients, rates);
  }
}

function floats(answer: Answer, name: string): Float32Array {
  return answer[name]?.data as Float32Array;
}

function lessonOf(answer: Answer): Lesson {
  const gradients = Object.keys(answer).filter((name) => name.startsWith(GRADIENT_OF));
  return {
    masks: floats(answer, 'low_res_masks'),
    ious: floats(answer, 'iou_predictions'),
    losses: [...floats(answer, 'prompt_loss')],
    gradients: new Map(
      gradients.map((name) => [name.slice(GRADIENT_OF.length), floats(answer, name)]),
    ),
  };
}
