import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import type { EverythingMask, EverythingParameters } from '../../core/everything.js';
import type { ImageFile } from '../../core/image.js';
import type { PictureMaker } from '../../core/ports.js';
import { drawn } from '../cutouts.js';
import type { Models } from '../models.js';
import type { Picture } from '../segmenter.js';
import type { ServedModel } from '../served-model.js';
import type { Guide, GuideQuery } from '../text/guide.js';
import { needed } from '../text/image-features.js';
import type { EverythingEvent, EverythingJob } from './everything-job.js';
import type { MaskGenerator } from './mask-generator.js';

/** What a request asks of everything mode. */
export type EverythingQuery = Omit<
  EverythingJob,
  'embedding' | 'embedCrop' | 'parameters' | 'proposals' | 'names'
> &
  GuideQuery & {
    /** In place of those that are left out are the model's own. */
    readonly parameters: Partial<EverythingParameters>;
  };

/** A run under way: the work is done while its events are read. */
export interface EverythingRun {
  /** Of the whole image. */
  readonly embedding: Embedding;
  /** What masks may be called. */
  readonly labels: readonly string[];
  /** What looks as if something else was meant, in sentences for people. */
  readonly warnings: readonly string[];
  readonly events: AsyncGenerator<EverythingEvent, void>;
}

/** The use cases of everything mode: all objects of an embedding that is there, or of an image that comes along. */
export class Everything {
  readonly #models: Models;
  readonly #generator: MaskGenerator;
  readonly #pictures: PictureMaker;
  readonly #guide: Guide | undefined;

  /** @param guide tells where to look and what is there, where there is a model for that. */
  constructor(models: Models, generator: MaskGenerator, pictures: PictureMaker, guide?: Guide) {
    this.#models = models;
    this.#generator = generator;
    this.#pictures = pictures;
    this.#guide = guide;
  }

  /** @throws SamError what `Embeddings.find`, `Guide.lead` and `MaskGenerator.generate` throw */
  async decode(
    embeddingId: string,
    query: EverythingQuery,
    caller: Caller,
  ): Promise<EverythingRun> {
    this.#check(query);
    const model = this.#models.of(embeddingId);
    const embedding = await model.embeddings.find(embeddingId, caller);
    await model.load();
    const parameters = { ...model.everything, ...query.parameters };
    const job = { ...query, parameters, embedding, embedCrop: undefined };
    return this.#run(job, () => features(model).find(embeddingId, caller), caller);
  }

  /**
   * @param model its name, undefined for the default.
   * @throws SamError what `Embeddings.embed`, `Guide.lead` and `MaskGenerator.generate` throw
   */
  async segment(
    file: ImageFile,
    model: string | undefined,
    query: EverythingQuery,
    caller: Caller,
  ): Promise<EverythingRun> {
    const embedder = this.#models.named(model);
    this.#check(query);
    const { embedding } = await embedder.embed(file, caller);
    const embedCrop: EverythingJob['embedCrop'] = (crop, caller) =>
      embedder.embeddings.embedCrop(embedding, file.image, crop, caller);
    const parameters = { ...embedder.everything, ...query.parameters };
    const job = { ...query, parameters, embedding, embedCrop };
    const make = async () => (await features(embedder).make(file, caller)).embedding;
    return this.#run(job, make, caller);
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

  #check(query: EverythingQuery): void {
    if (isGuided(query)) needed(this.#guide, pathOf(query)).check(query);
  }

  /** @param features of the image, found or made where they are needed. */
  async #run(
    {
      labels,
      proposals,
      find,
      ...job
    }: EverythingQuery & Pick<EverythingJob, 'embedding' | 'embedCrop' | 'parameters'>,
    features: () => Promise<Embedding>,
    caller: Caller,
  ): Promise<EverythingRun> {
    const { embedding } = job;
    const query = { labels, proposals, find };
    if (!isGuided(query)) {
      const events = this.#generator.generate(job, caller);
      return { embedding, labels: [], warnings: [], events };
    }
    const { warnings, ...guidance } = await needed(this.#guide).lead(
      await features(),
      query,
      job.parameters.box_nms_thresh,
      caller,
    );
    const events = this.#generator.generate({ ...job, ...guidance }, caller);
    return { embedding, labels: labels ?? [], warnings, events };
  }
}

function isGuided({ labels, proposals }: GuideQuery): boolean {
  return labels !== undefined || proposals !== undefined;
}

/** Where a request says that a detector is needed. */
function pathOf({ labels }: GuideQuery): string {
  return labels === undefined ? '/proposals' : '/labels';
}

function features({ features }: ServedModel) {
  return needed(features);
}
