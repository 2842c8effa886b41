import type { Weights } from '../sam/weights/weights.js';
import { ADAMW, adamw, type Moments } from './adamw.js';
import { IOU_HEAD, trainable } from './graph/training-graph.js';
import { NotFinite } from './not-finite.js';

/** A weight while it is trained. */
interface State extends Moments {
  readonly mean: Float32Array;
  readonly square: Float32Array;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
  /** The values with more digits: decay alone moves a weight by a few times what float32 rounds away. */
  readonly exact: Float64Array;
}

/** How far a step goes. */
export interface Rates {
  /** Of the weights that predict the masks' IoUs, which choose among them. */
  readonly ious: number;
  /** Of all others, which draw them. */
  readonly masks: number;
}

/** All that the next step depends on: numbers of each weight by its name. */
export interface OptimizerState {
  readonly steps: number;
  readonly weights: ReadonlyMap<
    string,
    { readonly exact: Float64Array; readonly mean: Float32Array; readonly square: Float32Array }
  >;
}

/** The weights of the prompt encoder and mask decoder, and AdamW's memory of them. */
export class TrainedWeights {
  readonly #states: ReadonlyMap<string, State>;
  #steps = 0;

  constructor(weights: Weights) {
    const states = trainable(weights).map((name) => {
      const { shape, data } = weights.get(name) as { shape: number[]; data: Float32Array };
      const [mean, square] = [new Float32Array(data.length), new Float32Array(data.length)];
      const values = new Float32Array(data);
      return [name, { shape, values, exact: Float64Array.from(data), mean, square }] as const;
    });
    this.#states = new Map(states);
  }

  /** Steps that were taken. */
  get steps(): number {
    return this.#steps;
  }

  /** The weights as they are now: views, which the next step changes. */
  get now(): Weights {
    return new Map(
      [...this.#states].map(([name, { shape, values }]) => [name, { shape, data: values }]),
    );
  }

  /**
   * One step of AdamW; decay is for tensors of two or more dimensions, not for biases and norms.
   * @param gradients by name; a weight without one has had no part, and is stepped with 0.
   * @throws NotFinite naming the weight whose gradient is no number; nothing is changed then
   */
  step(gradients: ReadonlyMap<string, Float32Array>, rates: Rates): void {
    for (const [name, gradient] of gradients) {
      if (areFinite(gradient)) continue;
      throw new NotFinite(`the gradient of ${name} is not finite`);
    }
    this.#steps++;
    for (const [name, state] of this.#states) {
      const gradient = gradients.get(name) ?? new Float32Array(state.values.length);
      const decay = state.shape.length > 1 ? ADAMW.decay : 0;
      const rate = name.startsWith(IOU_HEAD) ? rates.ious : rates.masks;
      adamw(state.exact, gradient, state, this.#steps, { ...ADAMW, rate, decay });
      state.values.set(state.exact);
    }
  }

  /** What `restore` takes, as it is now: views. */
  get state(): OptimizerState {
    return { steps: this.#steps, weights: this.#states };
  }

  /** Goes on from where another has stopped. @throws Error when its weights are not these */
  restore({ steps, weights }: OptimizerState): void {
    for (const [name, { exact, mean, square, values }] of this.#states) {
      const kept = weights.get(name);
      if (kept?.exact.length !== exact.length) throw new Error(`there is no state of ${name}`);
      exact.set(kept.exact);
      mean.set(kept.mean);
      square.set(kept.square);
      values.set(kept.exact);
    }
    this.#steps = steps;
  }
}

/** Zero times a finite number is zero; infinity and NaN leave NaN behind, whatever follows. */
function areFinite(numbers: Float32Array): boolean {
  let trace = 0;
  for (let i = 0; i < numbers.length; i++) trace += (numbers[i] as number) * 0;
  return trace === 0;
}
