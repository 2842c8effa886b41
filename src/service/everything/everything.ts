import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import type { EverythingMask } from '../../core/everything.js';
import type { ImageFile } from '../../core/image.js';
import type { PictureMaker } from '../../core/ports.js';
import { drawn } from '../cutouts.js';
import type { Models } from '../models.js';
import type { Picture } from '../segmenter.js';
import type { EverythingEvent, EverythingJob } from './everything-job.js';
import type { MaskGenerator } from './mask-generator.js';

/** What a request asks of everything mode. */
export type EverythingQuery = Omit<EverythingJob, 'embedding' | 'embedCrop'>;

/** A run under way: the work is done while its events are read. */
export interface EverythingRun {
  /** Of the whole image. */
  readonly embedding: Embedding;
  readonly events: AsyncGenerator<EverythingEvent, void>;
}

/** The use cases of everything mode: all objects of an embedding that is there, or of an image that comes along. */
export class Everything {
  readonly #models: Models;
  readonly #generator: MaskGenerator;
  readonly #pictures: PictureMaker;

  constructor(models: Models, generator: MaskGenerator, pictures: PictureMaker) {
    this.#models = models;
    this.#generator = generator;
    this.#pictures = pictures;
  }

  /** @throws SamError what `Embeddings.find` and `MaskGenerator.generate` throw */
  async decode(
    embeddingId: string,
    query: EverythingQuery,
    caller: Caller,
  ): Promise<EverythingRun> {
    const model = this.#models.of(embeddingId);
    const embedding = await model.embeddings.find(embeddingId, caller);
    await model.load();
    const job = { ...query, embedding, embedCrop: undefined };
    return { embedding, events: this.#generator.generate(job, caller) };
  }

  /**
   * @param model its name, undefined for the default.
   * @throws SamError what `Embeddings.embed` and `MaskGenerator.generate` throw
   */
  async segment(
    file: ImageFile,
    model: string | undefined,
    query: EverythingQuery,
    caller: Caller,
  ): Promise<EverythingRun> {
    const embedder = this.#models.named(model);
    const { embedding } = await embedder.embed(file, caller);
    const embedCrop: EverythingJob['embedCrop'] = (crop, caller) =>
      embedder.embeddings.embedCrop(embedding, file.image, crop, caller);
    const job = { ...query, embedding, embedCrop };
    return { embedding, events: this.#generator.generate(job, caller) };
  }

  /**
   * The photograph with all masks drawn on it.
   * @param query for masks as `rle`.
   * @throws SamError as `segment`, and what `PictureMaker.draw` throws
   */
  async overlay(
    file: ImageFile,
    model: string | undefined,
    query: EverythingQuery,
    caller: Caller,
  ): Promise<Picture> {
    const { embedding, events } = await this.segment(file, model, query, caller);
    const masks: EverythingMask[] = [];
    for await (const event of events) if (event.type === 'mask') masks.push(event.mask);
    // Small objects lie on large ones.
    const runs = masks.toSorted((a, b) => b.area - a.area).map(drawn);
    const task = { kind: 'overlay', image: file.image, masks: runs, prompts: [] } as const;
    const [png] = await this.#pictures.draw(task, caller);
    return { embeddingId: embedding.id, png: png as Uint8Array };
  }
}
