import type { Lesson } from '../decoder-trainer.js';
import { NotFinite } from '../not-finite.js';

/** What was learned of many prompts. */
export class LessonSum {
  readonly #gradients = new Map<string, Float32Array>();
  #prompts = 0;
  #loss = 0;

  /** @throws NotFinite when a loss is no number */
  add({ gradients, losses }: Lesson): void {
    this.#prompts += losses.length;
    this.#loss += losses.reduce((a, b) => a + b);
    if (!Number.isFinite(this.#loss)) throw new NotFinite(`the loss is ${this.#loss}`);
    for (const [name, gradient] of gradients) {
      const sum = this.#gradients.get(name);
      if (sum) addScaled(sum, gradient, 1);
      else this.#gradients.set(name, gradient.slice());
    }
  }

  /** The mean over all prompts; 0 where there were none. */
  get loss(): number {
    return this.#loss / Math.max(1, this.#prompts);
  }

  /** Adds the gradient of that to `total`. */
  addMeanTo(total: Map<string, Float32Array>): void {
    for (const [name, sum] of this.#gradients) {
      const known = total.get(name) ?? new Float32Array(sum.length);
      addScaled(known, sum, 1 / this.#prompts);
      total.set(name, known);
    }
  }
}

function addScaled(sum: Float32Array, numbers: Float32Array, factor: number): void {
  for (let i = 0; i < sum.length; i++) {
    sum[i] = (sum[i] as number) + factor * (numbers[i] as number);
  }
}
