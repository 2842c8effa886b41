import type { ImageSize } from '../core/image.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import { decompress, toImage } from '../masks/formats/rle.js';
import { iouOfMasks } from '../masks/overlap.js';
import { CLICKS, type ClickScores, MOST_CLICKS, TARGETS } from './measured.js';
import { nextClick } from './next-click.js';
import type { Answer, Question } from './service/service-client.js';

/** What is to be found, in both of the forms that it is compared in. */
export interface Label extends ImageSize {
  readonly runs: RunLengths;
  /** Row by row, 0 outside. */
  readonly pixels: Uint8Array;
}

/** @returns the pixel's column and row, and 1: the label is not empty. */
export function firstClick(
  label: Omit<Label, 'runs'>,
): readonly [x: number, y: number, label: 0 | 1] {
  const click = nextClick(label.pixels, new Uint8Array(label.pixels.length), label);
  if (!click) throw new Error('an empty label has no inmost point');
  return [...click.point, 1];
}

const LAST_TOLD = Math.max(...CLICKS);
const ENOUGH = Math.max(...TARGETS);

/** Clicks on one object, each where the mask before is most wrong. */
export class ClickSession {
  readonly #label: Label;
  readonly #withLogits: boolean;
  readonly #clicks: (readonly [x: number, y: number, label: 0 | 1])[] = [];
  readonly #iou: number[] = [];
  readonly #predicted: number[] = [];
  #last: Answer | undefined;
  #shown = '';

  constructor(label: Label, withLogits: boolean) {
    this.#label = label;
    this.#withLogits = withLogits;
  }

  /** @param answer to all clicks so far and this one. */
  take(click: readonly [x: number, y: number, label: 0 | 1], answer: Answer): void {
    this.#clicks.push(click);
    this.#iou.push(iouOfMasks(decompress(answer.counts), this.#label.runs));
    this.#predicted.push(answer.predicted_iou);
    this.#last = answer;
    if (this.#clicks.length <= LAST_TOLD) this.#shown = answer.counts;
  }

  /** The next click with the question to ask; undefined when the session is over. */
  next(): { click: readonly [x: number, y: number, label: 0 | 1]; question: Question } | undefined {
    const done = this.#clicks.length;
    const isEnough = done >= LAST_TOLD && Math.max(...this.#iou) >= ENOUGH;
    if (!this.#last || done === MOST_CLICKS || isEnough) return undefined;
    const mask = toImage(decompress(this.#last.counts), this.#label);
    const clicked = this.#clicks.map(([x, y]) => [x, y] as const);
    const found = nextClick(this.#label.pixels, mask, this.#label, clicked);
    if (!found) return undefined;
    const click = [...found.point, found.label] as const;
    const all = [...this.#clicks, click];
    const { token } = this.#last;
    const question: Question = {
      point_coords: all.map(([x, y]) => [x, y] as const),
      point_labels: all.map(([, , label]) => label),
      multimask_output: false,
      ...(this.#withLogits && token && { mask_input: { token } }),
    };
    return { click, question };
  }

  get scores(): ClickScores {
    return { clicks: this.#clicks, iou: this.#iou, predicted_iou: this.#predicted };
  }

  /** The mask after the last click that is told, or the last there was: COCO's compressed runs. */
  get shown(): string {
    return this.#shown;
  }
}
