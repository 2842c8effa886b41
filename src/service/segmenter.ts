import type { Caller } from '../core/caller.js';
import type { Embedding } from '../core/embedding.js';
import type { ImageFile } from '../core/image.js';
import type { DrawnMask, PictureMaker } from '../core/ports.js';
import { isSearch, type Prompt } from '../core/prompt.js';
import { type Cutouts, drawn } from './cutouts.js';
import type { Models } from './models.js';
import type { MaskQuery, Prediction } from './prediction.js';
import type { Predictor } from './predictor.js';
import type { ServedModel } from './served-model.js';
import { needed } from './text/image-features.js';
import type { TextPredictor } from './text/text-predictor.js';
import { pathOf } from './text/texts.js';

/** A photograph with masks drawn on it. */
export interface Picture {
  /** Of the photograph. */
  readonly embeddingId: string;
  readonly png: Uint8Array;
}

/** The use cases of prompts: against an embedding that is there, or an image that comes with them. */
export class Segmenter {
  readonly #models: Models;
  readonly #predictor: Predictor;
  readonly #cutouts: Cutouts;
  readonly #pictures: PictureMaker;
  readonly #texts: TextPredictor | undefined;

  /** @param texts answers prompts with text, where there is a model for that. */
  constructor(
    models: Models,
    predictor: Predictor,
    cutouts: Cutouts,
    pictures: PictureMaker,
    texts?: TextPredictor,
  ) {
    this.#models = models;
    this.#predictor = predictor;
    this.#cutouts = cutouts;
    this.#pictures = pictures;
    this.#texts = texts;
  }

  /** @throws SamError what `Embeddings.find`, `Predictor.check` and `Predictor.predict` throw */
  async decode(embeddingId: string, query: MaskQuery, caller: Caller): Promise<Prediction> {
    this.#check(query);
    const model = this.#models.of(embeddingId);
    const embedding = await model.embeddings.find(embeddingId, caller);
    await model.load();
    if (!query.prompts.some(isSearch)) return this.#predictor.predict(embedding, query, caller);
    const features = await needed(model.features).find(embeddingId, caller);
    return this.#search(embedding, features, query, caller);
  }

  /**
   * @param model its name, undefined for the default.
   * @throws SamError what `Embeddings.embed`, `Predictor.check`, `Predictor.predict` and `Cutouts.of` throw
   */
  async segment(
    file: ImageFile,
    model: string | undefined,
    query: MaskQuery,
    caller: Caller,
  ): Promise<Prediction> {
    const embedder = this.#models.named(model);
    this.#check(query);
    const { embedding } = await embedder.embed(file, caller);
    const prediction = await this.#predict(embedder, embedding, file, query, caller);
    if (query.options.format !== 'cutout') return prediction;
    return this.#cutouts.of(prediction, file.image, query.masks, caller);
  }

  /**
   * The photograph with each prompt's best mask drawn on it.
   * @param query for masks as `rle`.
   * @throws SamError as `segment`, and what `PictureMaker.draw` throws
   */
  async overlay(
    file: ImageFile,
    model: string | undefined,
    query: MaskQuery,
    caller: Caller,
  ): Promise<Picture> {
    const prediction = await this.segment(file, model, query, caller);
    // All objects that a text names, and of other prompts the best mask.
    const best = prediction.results.flatMap(({ masks }) =>
      masks.filter(({ found }, i) => found || i === 0),
    );
    const masks = await Promise.all(
      best.map(async (mask, prompt) => {
        if (mask.segmentation) return drawn(mask);
        // A mask that is long is written for it.
        const text = await prediction.write(mask, 'json', prompt);
        return drawn({ ...mask, segmentation: JSON.parse(Buffer.from(text).toString()) });
      }),
    );
    // A mask to start from may be large, and is not drawn.
    const prompts = query.prompts.map(
      ({ mask_input: _, text: __, exemplar: ___, ...prompt }) => prompt,
    );
    return this.#draw(prediction.embedding, file, masks, prompts, caller);
  }

  /**
   * The photograph by itself, upright: it is embedded as well, as who sees it will ask about it.
   * @throws SamError what `Embeddings.embed` and `PictureMaker.draw` throw
   */
  async picture(file: ImageFile, model: string | undefined, caller: Caller): Promise<Picture> {
    const { embedding } = await this.#models.named(model).embed(file, caller);
    return this.#draw(embedding, file, [], [], caller);
  }

  async #draw(
    { id }: Embedding,
    { image }: ImageFile,
    masks: readonly DrawnMask[],
    prompts: readonly Prompt[],
    caller: Caller,
  ): Promise<Picture> {
    const task = { kind: 'overlay', image, masks, prompts } as const;
    const [png] = await this.#pictures.draw(task, caller);
    return { embeddingId: id, png: png as Uint8Array };
  }

  #check(query: MaskQuery): void {
    const place = query.prompts.findIndex(isSearch);
    if (place >= 0) {
      const path = pathOf(place, query.prompts[place] as Prompt);
      needed(this.#texts, path).check(query);
    }
    this.#predictor.check(query);
  }

  async #predict(
    model: ServedModel,
    embedding: Embedding,
    file: ImageFile,
    query: MaskQuery,
    caller: Caller,
  ): Promise<Prediction> {
    if (!query.prompts.some(isSearch)) return this.#predictor.predict(embedding, query, caller);
    const features = await needed(model.features).make(file, caller);
    return this.#search(embedding, features.embedding, query, caller);
  }

  #search(
    embedding: Embedding,
    own: Embedding,
    query: MaskQuery,
    caller: Caller,
  ): Promise<Prediction> {
    const other = (id: string) => needed(this.#models.of(id).features).find(id, caller);
    return needed(this.#texts).predict(embedding, { own, other }, query, caller);
  }
}
