import type { Caller } from '../../core/caller.js';
import { type Embedding, parseEmbeddingId } from '../../core/embedding.js';
import { violation } from '../../core/errors.js';
import type { FindFilter, Found, TextLane } from '../../core/find/find.js';
import { type Exemplar, isSearch, type Prompt } from '../../core/prompt.js';
import type { MaskQuery, Prediction, PromptAnswer } from '../prediction.js';
import type { Predictor } from '../predictor.js';
import { boxFault, checkGeometry, clipped } from '../prompt-rules.js';
import { TextExpansion } from './text-expansion.js';
import { checkTexts, cutWarnings, pathOf } from './texts.js';

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
      throw violation(
        'invalid-request',
        '/on_error',
        'must not be result beside text or an exemplar',
      );
    }
    const texts = prompts.flatMap(phrasesOf);
    const place = prompts.findIndex(({ text }) => text !== undefined);
    checkTexts(texts.length, this.#maxTexts, `/prompts/${place}/text`);
  }

  /**
   * One result for each phrase and for each prompt without text, in their order.
   * @param images the features of the embedding's image, and how those of others are found.
   * @throws SamError `prompt-invalid`, and what `Predictor.predict` throws
   */
  async predict(
    embedding: Embedding,
    images: SearchedImages,
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
      if (!isSearch(prompt)) {
        expansion.addPrompt(prompt);
        continue;
      }
      const phrases = phrasesOf(prompt);
      const labels = prompt.exemplar ? [EXEMPLAR] : phrases;
      const found = await this.#find(images, prompt, { phrases, place, query }, caller);
      expansion.addFound(labels, found.detections);
      warnings.push(...cutWarnings(phrases, found.cut));
      for (const [step, ms] of Object.entries(found.timings)) {
        timings[step] = (timings[step] ?? 0) + ms;
      }
    }
    const asked = { ...query, prompts: expansion.prompts };
    const prediction = await this.#predictor.predict(embedding, asked, caller);
    const results = expansion.regroup(prediction.results, query.options);
    const bytes = this.#predictor.checkAnswer(results, query.options);
    if (query.masks === 'best') refuseNothing(results);
    return {
      ...prediction,
      results,
      bytes,
      warnings,
      timings: { ...timings, ...prediction.timings },
    };
  }

  async #find(
    images: SearchedImages,
    prompt: Prompt,
    { phrases, place, query }: { phrases: readonly string[]; place: number; query: MaskQuery },
    caller: Caller,
  ): Promise<Found> {
    const features = images.own;
    const path = pathOf(place, prompt);
    const { clip } = query.leniency;
    const example = prompt.exemplar && (await exampleOf(prompt.exemplar, images, { path, clip }));
    const filter = filterOf(prompt);
    const options = query.find;
    const task = { features, phrases, example, options, filter, path };
    return this.#lane.find(task, caller);
  }
}

/** The features of images that are searched. */
export interface SearchedImages {
  readonly own: Embedding;
  /** @throws SamError `embedding-not-found` */
  other(id: string): Promise<Embedding>;
}

/** What objects are called that are like an example. */
const EXEMPLAR = 'exemplar';

/**
 * @param options `path` is a JSON pointer to the exemplar; `clip` moves its box to the edge of its image.
 * @throws SamError `embedding-not-found`, `invalid-request`, `prompt-invalid`
 */
async function exampleOf(
  { box: drawn, embedding_id: id }: Exemplar,
  { own, other }: SearchedImages,
  { path, clip }: { readonly path: string; readonly clip: boolean },
) {
  if (id !== undefined) parseEmbeddingId(id, `${path}/embedding_id`);
  const features = id === undefined ? own : await other(id);
  const { image } = features;
  const { box = drawn } = clip ? clipped({ box: drawn }, image) : {};
  const fault = boxFault(box, image);
  if (fault) throw violation('prompt-invalid', `${path}/box`, fault);
  return { features, box };
}

function phrasesOf({ text = [] }: Prompt): readonly string[] {
  return typeof text === 'string' ? [text] : text;
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
  throw violation('prompt-invalid', '/prompts/0', message);
}
