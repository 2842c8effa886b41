import type { Detection } from '../../core/find/detection.js';
import { labelOf, named, namedBytes } from '../../core/masks/mask-name.js';
import type { MaskOptions } from '../../core/ports.js';
import type { Prompt } from '../../core/prompt.js';
import type { FoundObject, PredictedMask, PromptAnswer } from '../prediction.js';

/** Prompts with the boxes that were found in the place of text, and how their answers belong together. */
export class TextExpansion {
  readonly prompts: Prompt[] = [];
  /** For each result the places of its prompts, and what each of them stands for. */
  readonly #results: { readonly place: number; readonly found?: FoundObject }[][] = [];

  /** A prompt without text has a result of its own. */
  addPrompt(prompt: Prompt): void {
    this.#results.push([{ place: this.prompts.push(prompt) - 1 }]);
  }

  /** Each phrase has a result, with a mask for each of its objects. */
  addFound(phrases: readonly string[], detections: readonly Detection[]): void {
    const labels = phrases.map(labelOf);
    const results = phrases.map(() => [] as { place: number; found: FoundObject }[]);
    for (const { label, score, box } of detections) {
      const place = this.prompts.push({ box, multimask_output: false }) - 1;
      const found = { label: labels[label] as string, text_score: score, box, place: label };
      results[label]?.push({ place, found });
    }
    this.#results.push(...results);
  }

  /** @param answers one for each of the prompts, written with these options. */
  regroup(answers: readonly PromptAnswer[], options: MaskOptions): PromptAnswer[] {
    return this.#results.map((places) => {
      const masks = places.flatMap(({ place, found }) =>
        (answers[place]?.masks ?? []).map((mask) => (found ? called(mask, found, options) : mask)),
      );
      return { masks };
    });
  }
}

/** A mask with what it was found by. */
function called(mask: PredictedMask, found: FoundObject, { format }: MaskOptions): PredictedMask {
  const { segmentation, bytes } = mask;
  return {
    ...mask,
    ...(segmentation && { segmentation: named(segmentation, found) }),
    bytes: namedBytes(bytes, format, found.label),
    found,
  };
}
