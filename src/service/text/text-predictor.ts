import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import { violation } from '../../core/errors.js';
import type { FindFilter, Found, TextLane } from '../../core/find.js';
import { hasText, type Prompt, type TextPrompt } from '../../core/prompt.js';
import type { MaskQuery, Prediction, PromptAnswer } from '../prediction.js';
import type { Predictor } from '../predictor.js';
import { checkGeometry, clipped } from '../prompt-rules.js';
import { TextExpansion } from './text-expansion.js';

/** Answers prompts some of which are text: finds what they name, and asks for the masks of the boxes found. */
export class TextPredictor {
  readonly #lane: TextLane;
  readonly #predictor: Predictor;
  readonly #maxTexts: number;

  /** @param maxTexts phrases that all prompts of a request may have together. */
  constructor(lane: TextLane, predictor: Predictor, maxTexts: number) {
    this.#lane = lane;
    this.#predictor = predictor;
    this.#maxTexts = maxTexts;
  }

  /**
   * Checks what needs no image.
   * @throws SamError `invalid-request`, `too-many-prompts`
   */
  check({ prompts, leniency }: MaskQuery): void {
    if (leniency.onError === 'result') {
      throw violation('invalid-request', '/on_error', 'must not be result beside text');
    }
    const texts = prompts.flatMap((prompt) => (hasText(prompt) ? phrasesOf(prompt) : []));
    if (texts.length > this.#maxTexts) {
      const message = `must be at most ${this.#maxTexts} in a request`;
      throw violation('too-many-prompts', placeOf(prompts.findIndex(hasText)), message);
    }
  }

  /**
   * One result for each phrase and for each prompt without text, in their order.
   * @param features of the embedding's image.
   * @throws SamError `prompt-invalid`, and what `Predictor.predict` throws
   */
  async predict(
    embedding: Embedding,
    features: Embedding,
    query: MaskQuery,
    caller: Caller,
  ): Promise<Prediction> {
    const expansion = new TextExpansion();
    const { image } = embedding;
    const all = query.leniency.clip
      ? query.prompts.map((prompt) => clipped(prompt, image))
      : query.prompts;
    checkGeometry(new Map(all.entries()), image);
    const warnings: string[] = [];
    const timings: Record<string, number> = {};
    for (const [place, prompt] of all.entries()) {
      if (!hasText(prompt)) {
        expansion.addPrompt(prompt);
        continue;
      }
      const phrases = phrasesOf(prompt);
      const found = await this.#find(features, prompt, { phrases, place, query }, caller);
      expansion.addFound(phrases, found.detections);
      warnings.push(...warningsOf(phrases, found));
      for (const [step, ms] of Object.entries(found.timings)) {
        timings[step] = (timings[step] ?? 0) + ms;
      }
    }
    const asked = { ...query, prompts: expansion.prompts };
    const prediction = await this.#predictor.predict(embedding, asked, caller);
    const results = expansion.regroup(prediction.results);
    if (query.masks === 'best') refuseNothing(results);
    return { ...prediction, results, warnings, timings: { ...timings, ...prediction.timings } };
  }

  #find(
    { tensors, image }: Embedding,
    prompt: TextPrompt,
    { phrases, place, query }: { phrases: readonly string[]; place: number; query: MaskQuery },
    caller: Caller,
  ): Promise<Found> {
    const path = placeOf(place);
    const filter = filterOf(prompt);
    const options = query.find;
    return this.#lane.find({ features: tensors, image, phrases, options, filter, path }, caller);
  }
}

function phrasesOf({ text }: TextPrompt): readonly string[] {
  return typeof text === 'string' ? [text] : text;
}

function placeOf(prompt: number): string {
  return `/prompts/${prompt}/text`;
}

/** Points and a box beside a text say which of the objects are meant. */
function filterOf({ point_coords = [], point_labels = [], box }: Prompt): FindFilter {
  return {
    inside: point_coords.filter((_, i) => point_labels[i] !== 0),
    outside: point_coords.filter((_, i) => point_labels[i] === 0),
    box,
  };
}

/** A file or a picture needs a mask. @throws SamError `prompt-invalid` */
function refuseNothing(results: readonly PromptAnswer[]): void {
  if (results.some(({ masks }) => masks.length > 0)) return;
  const message = 'finds nothing in the image: a lower text_threshold may';
  throw violation('prompt-invalid', placeOf(0), message);
}

/** What of a phrase is shown. */
const SHOWN = 40;

function warningsOf(phrases: readonly string[], { cut }: Found): string[] {
  return cut.map((i) => {
    const phrase = phrases[i] as string;
    const shown = phrase.length > SHOWN ? `${phrase.slice(0, SHOWN)}…` : phrase;
    return `the text ${JSON.stringify(shown)} is too long and was cut: only its first words were looked for`;
  });
}
