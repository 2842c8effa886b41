import type { Detection } from '../../core/find/detection.js';
import type { Prompt } from '../../core/prompt.js';
import type { FoundObject, PromptAnswer } from '../prediction.js';

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
    const results = phrases.map(() => [] as { place: number; found: FoundObject }[]);
    for (const { label, score, box } of detections) {
      const place = this.prompts.push({ box, multimask_output: false }) - 1;
      const found = { label: phrases[label] as string, text_score: score, box };
      results[label]?.push({ place, found });
    }
    this.#results.push(...results);
  }

  /** @param answers one for each of the prompts. */
  regroup(answers: readonly PromptAnswer[]): PromptAnswer[] {
    return this.#results.map((places) => {
      const masks = places.flatMap(({ place, found }) =>
        (answers[place]?.masks ?? []).map((mask) => (found ? { ...mask, found } : mask)),
      );
      return { masks };
    });
  }
}
