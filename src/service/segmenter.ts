import type { Caller } from '../core/caller.js';
import type { ImageFile } from '../core/image.js';
import type { PictureMaker } from '../core/ports.js';
import { type Cutouts, drawn } from './cutouts.js';
import type { Models } from './models.js';
import type { MaskQuery, Prediction } from './prediction.js';
import type { Predictor } from './predictor.js';

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

  constructor(models: Models, predictor: Predictor, cutouts: Cutouts, pictures: PictureMaker) {
    this.#models = models;
    this.#predictor = predictor;
    this.#cutouts = cutouts;
    this.#pictures = pictures;
  }

  /** @throws SamError what `Embeddings.find`, `Predictor.check` and `Predictor.predict` throw */
  async decode(embeddingId: string, query: MaskQuery, caller: Caller): Promise<Prediction> {
    this.#predictor.check(query);
    const model = this.#models.of(embeddingId);
    const embedding = await model.embeddings.find(embeddingId, caller);
    await model.load();
    return this.#predictor.predict(embedding, query, caller);
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
    this.#predictor.check(query);
    const { embedding } = await embedder.embed(file, caller);
    const prediction = await this.#predictor.predict(embedding, query, caller);
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
    const best = prediction.results.flatMap(({ masks }) => masks.slice(0, 1));
    const masks = await Promise.all(
      best.map(async (mask, prompt) => {
        if (mask.segmentation) return drawn(mask);
        // A mask that is long is written for it.
        const text = await prediction.write(mask, 'json', prompt);
        return drawn({ ...mask, segmentation: JSON.parse(Buffer.from(text).toString()) });
      }),
    );
    // A mask to start from may be large, and is not drawn.
    const prompts = query.prompts.map(({ mask_input: _, ...prompt }) => prompt);
    const task = { kind: 'overlay', image: file.image, masks, prompts } as const;
    const [png] = await this.#pictures.draw(task, caller);
    return { embeddingId: prediction.embedding.id, png: png as Uint8Array };
  }
}
