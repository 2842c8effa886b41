import { Tensor } from 'onnxruntime-node';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import { openSession, type Session } from '../engine/session.js';
import { DECODER, EMBEDDING_SHAPE } from '../sam/architecture.js';
import type { Weights } from '../sam/weights/weights.js';
import { ADAMW, adamw, type Moments } from './adamw.js';
import type { LowResLabel } from './low-res-label.js';
import { buildTrainingGraph, GRADIENT_OF, trainable } from './training-graph.js';

/** A prompt in the model's frame, and what its mask should be. */
export interface TrainingPrompt {
  /** [N,2] and [N], as `promptTokens` makes them. */
  readonly coords: Float32Array;
  readonly labels: Float32Array;
  /** [256,256] logits of an earlier mask. */
  readonly mask?: Float32Array | undefined;
  readonly label: LowResLabel;
  /** Whether tokens 1 to 3 answer, and not token 0. */
  readonly multimask: boolean;
}

/** What the decoder answers to B prompts, and how far off it is. */
export interface TrainingAnswer {
  /** [B,4,256,256] */
  readonly masks: Float32Array;
  /** [B,4] each */
  readonly ious: Float32Array;
  readonly focal: Float32Array;
  readonly dice: Float32Array;
  readonly iouTargets: Float32Array;
  /** [B] the token of least loss, and its loss. */
  readonly chosen: readonly number[];
  readonly losses: readonly number[];
  /** Of the sum of the losses. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

interface State extends Moments {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
  /** The values with more digits: decay alone moves a weight by a few times what float32 rounds away. */
  readonly exact: Float64Array;
}

/** The prompt encoder and mask decoder while they learn. */
export class DecoderTrainer {
  readonly #session: Session;
  readonly #states: ReadonlyMap<string, State>;
  #steps = 0;

  private constructor(session: Session, states: ReadonlyMap<string, State>) {
    this.#session = session;
    this.#states = states;
  }

  /** @param more names of inputs whose gradients are wanted beside the weights'. */
  static async open(
    weights: Weights,
    threads: number,
    more: readonly string[] = [],
  ): Promise<DecoderTrainer> {
    const gpuTurn = new SharedArrayBuffer(4);
    const graph = buildTrainingGraph(weights, more);
    const session = await openSession(graph, { device: 'cpu', threads, gpuTurn });
    const states = trainable(weights).map((name) => {
      const { shape, data } = weights.get(name) as { shape: number[]; data: Float32Array };
      const [mean, square] = [new Float32Array(data.length), new Float32Array(data.length)];
      return [
        name,
        { shape, values: new Float32Array(data), exact: Float64Array.from(data), mean, square },
      ] as const;
    });
    return new DecoderTrainer(session, new Map(states));
  }

  /** The weights as they are now: views, which the next step changes. */
  get weights(): Weights {
    return new Map(
      [...this.#states].map(([name, { shape, values }]) => [name, { shape, data: values }]),
    );
  }

  /**
   * Answers prompts of equally many tokens about one image, with the gradients of the sum of their losses.
   * @param embedding [1,256,64,64]
   */
  async run(embedding: Float32Array, prompts: readonly TrainingPrompt[]): Promise<TrainingAnswer> {
    const weights = [...this.#states].map(
      ([name, { shape, values }]) => [name, new Tensor('float32', values, shape)] as const,
    );
    const answer = await this.#session.run({
      image_embeddings: new Tensor('float32', embedding, EMBEDDING_SHAPE),
      ...feeds(prompts),
      ...Object.fromEntries(weights),
    });
    const floats = (name: string) => answer[name]?.data as Float32Array;
    const gradients = Object.keys(answer).filter((name) => name.startsWith(GRADIENT_OF));
    return {
      masks: floats('low_res_masks'),
      ious: floats('iou_predictions'),
      focal: floats('focal'),
      dice: floats('dice'),
      iouTargets: floats('iou_target'),
      chosen: Array.from(answer['chosen']?.data as BigInt64Array, Number),
      losses: [...floats('prompt_loss')],
      gradients: new Map(gradients.map((name) => [name.slice(GRADIENT_OF.length), floats(name)])),
    };
  }

  /**
   * One step of AdamW; decay is for tensors of two or more dimensions, not for biases and norms.
   * @param gradients by name; a weight without one has had no part, and is stepped with 0.
   * @throws Error naming the step and the weight whose gradient is no number; nothing is changed then
   */
  step(gradients: ReadonlyMap<string, Float32Array>, rate: number): void {
    for (const [name, gradient] of gradients) {
      if (!gradient.every(Number.isFinite)) {
        throw new Error(`step ${this.#steps + 1}: the gradient of ${name} is not finite`);
      }
    }
    this.#steps++;
    for (const [name, state] of this.#states) {
      const gradient = gradients.get(name) ?? new Float32Array(state.values.length);
      const decay = state.shape.length > 1 ? ADAMW.decay : 0;
      adamw(state.exact, gradient, state, this.#steps, { ...ADAMW, rate, decay });
      state.values.set(state.exact);
    }
  }
}

function feeds(prompts: readonly TrainingPrompt[]): Record<string, Tensor> {
  const [batch, cells, masks] = [prompts.length, LOW_RES_LOGITS, DECODER.maskTokens];
  const tokens = prompts[0]?.labels.length ?? 0;
  const mask = new Float32Array(batch * cells);
  const label = new Float32Array(batch * cells);
  const inside = new Float32Array(batch * cells);
  for (const [i, prompt] of prompts.entries()) {
    if (prompt.mask) mask.set(prompt.mask, i * cells);
    label.set(prompt.label.cells, i * cells);
    for (let row = 0; row < prompt.label.rows; row++) {
      const start = i * cells + row * LOW_RES_SIDE;
      inside.fill(1, start, start + prompt.label.cols);
    }
  }
  const floats = (data: Float32Array, shape: number[]) => new Tensor('float32', data, shape);
  const joined = (part: (prompt: TrainingPrompt) => ArrayLike<number>) =>
    Float32Array.from(prompts.flatMap((prompt) => Array.from(part(prompt))));
  return {
    point_coords: floats(
      joined(({ coords }) => coords),
      [batch, tokens, 2],
    ),
    point_labels: floats(
      joined(({ labels }) => labels),
      [batch, tokens],
    ),
    mask_input: floats(mask, [batch, 1, LOW_RES_SIDE, LOW_RES_SIDE]),
    has_mask_input: floats(
      joined((prompt) => [prompt.mask ? 1 : 0]),
      [batch],
    ),
    label: floats(label, [batch, 1, cells]),
    inside: floats(inside, [batch, 1, cells]),
    returned: floats(
      joined(({ multimask }) => (multimask ? [0, 1, 1, 1] : [1, 0, 0, 0])),
      [batch, masks],
    ),
  };
}
