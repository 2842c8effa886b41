import { type Caller, withSignal } from '../core/caller.js';
import {
  type Embedding,
  type EmbeddingPart,
  embeddingId,
  entryName,
  parseEmbeddingId,
} from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { ImageFile } from '../core/image.js';
import type { EmbeddingMaker } from '../core/making.js';
import type { EmbeddingKey, EmbeddingStore, Tier, Timings } from '../core/ports.js';
import type { Box } from '../core/prompt.js';
import { foreignFormat } from '../image/foreign-format.js';
import { sniffFormat } from '../image/format.js';
import { SingleFlight, type Start } from '../store/single-flight.js';

/** How an embedding came to a request: made for it, made for another that came first, or found. */
export type FlightKind = 'computed' | 'joined' | 'cached';

export interface Embedded {
  readonly embedding: Embedding;
  readonly flight: FlightKind;
  /** Where it was found, when it was. */
  readonly tier?: Tier;
  /** Of the encode that made it; empty when it was cached. */
  readonly timings: Timings;
  /** What looked wrong with the image when it was encoded, in sentences for people. */
  readonly warnings?: readonly string[];
}

/** Told of what becomes of each request for an embedding. */
export interface EmbeddingCounts {
  lookup(found: Tier | 'none'): void;
  flight(flight: FlightKind): void;
}

/** The embeddings a model has made: finds them, and makes those that are not there, each once. */
export class Embeddings {
  readonly #model: string;
  readonly #fingerprint: string;
  readonly #store: EmbeddingStore;
  readonly #maker: EmbeddingMaker;
  readonly #counts: EmbeddingCounts | undefined;
  readonly #part: EmbeddingPart | undefined;
  readonly #flights = new SingleFlight<Embedded>();

  /**
   * @param fingerprint stands for the model's files and the preprocessing: another one, another entry.
   * @param part what of its images this is, where it is not the embedding itself.
   */
  constructor(
    model: string,
    fingerprint: string,
    store: EmbeddingStore,
    maker: EmbeddingMaker,
    counts?: EmbeddingCounts,
    part?: EmbeddingPart,
  ) {
    this.#model = model;
    this.#fingerprint = fingerprint;
    this.#store = store;
    this.#maker = maker;
    this.#counts = counts;
    this.#part = part;
  }

  /**
   * The embedding of an image.
   * @param caller leaves without stopping the encode while others wait for it; its memory stays booked until then.
   * @throws SamError `unsupported-media-type`, `image-unreadable`, `image-too-large`, `overloaded`
   */
  async embed({ image, sha256 }: ImageFile, caller: Caller): Promise<Embedded> {
    const key = this.#key(embeddingId(this.#model, sha256), caller);
    const embedded = await this.#embed(key, image, caller);
    const { embedding, flight, tier, timings } = embedded;
    this.#counts?.flight(flight);
    caller.report?.('image', { embedding: embedding.id, flight, tier }, timings);
    return embedded;
  }

  /**
   * The embedding of a part of an image, for this once: it is not kept.
   * @param whole the embedding of all of it. @param crop x1, y1, x2, y2 in whole pixels.
   */
  async embedCrop(
    whole: Embedding,
    image: Uint8Array,
    crop: Box,
    caller: Caller,
  ): Promise<Embedding> {
    const { timings, ...made } = await this.#maker.makeCrop(whole, { image, crop }, caller);
    return { ...whole, id: `${whole.id}#${crop.join()}`, ...made };
  }

  /**
   * The embedding with this id.
   * @throws SamError `invalid-request` for a malformed id, `embedding-not-found`, `embedding-mismatch`
   */
  async find(id: string, caller: Caller): Promise<Embedding> {
    this.#checkModel(id);
    const key = this.#key(id, caller);
    const found = await this.#look(key);
    if (found) {
      caller.report?.('image', { embedding: id, tier: found.tier }, {});
      return found.embedding;
    }
    if (await this.#store.hasOther(key)) {
      throw mismatch(id, 'was made in another precision or by another version', this.#part);
    }
    throw notFound(id, this.#part);
  }

  /**
   * Forgets an embedding. One that is being made still goes to those who wait for it, and is not kept.
   * @throws SamError `invalid-request` for a malformed id, `embedding-not-found`, `embedding-mismatch`, `not-deleted`
   */
  async drop(id: string, caller: Caller): Promise<void> {
    this.#checkModel(id);
    const key = this.#key(id, caller);
    const underWay = this.#flights.drop(entryName(key));
    if (!(await this.#store.delete(key)) && !underWay) throw notFound(id, this.#part);
  }

  /** Lets nobody join the making of an embedding that another process has been told to forget. @returns whether there was any */
  forget(key: EmbeddingKey): boolean {
    return this.#flights.drop(entryName(key));
  }

  async #embed(key: EmbeddingKey, image: Uint8Array, caller: Caller): Promise<Embedded> {
    const cached = await this.#look(key);
    if (cached) return { ...cached, flight: 'cached', timings: {} };
    if (!sniffFormat(image)) throw unknownFormat(image);
    const task = { key, model: this.#model, image };
    const make: Start<Embedded> = (abandoned, isDropped) =>
      caller.memory.during(this.#maker.make({ ...task, isDropped }, withSignal(caller, abandoned)));
    const { value, joined } = await this.#flights.run(entryName(key), make, caller.signal);
    return joined ? { ...value, flight: 'joined' } : value;
  }

  async #look(key: EmbeddingKey) {
    const found = await this.#store.get(key);
    this.#counts?.lookup(found?.tier ?? 'none');
    return found;
  }

  #checkModel(id: string): void {
    const { model } = parseEmbeddingId(id);
    if (model !== this.#model) throw mismatch(id, `is of a model that is not served here`);
  }

  #key(id: string, { owner }: Caller): EmbeddingKey {
    return {
      id,
      fingerprint: this.#fingerprint,
      ...(owner !== undefined && { owner }),
      ...(this.#part && { part: this.#part }),
    };
  }
}

function unknownFormat(image: Uint8Array): SamError {
  const kind = foreignFormat(image) ?? 'of no known kind';
  const message = `the image is ${kind}; JPEG, PNG, WebP and AVIF are accepted: convert it to one of them`;
  return new SamError('unsupported-media-type', message);
}

function notFound(id: string, part?: EmbeddingPart): SamError {
  const message =
    part === 'text'
      ? `the image ${id} was not embedded for text: post it to /embed?text=true`
      : `there is no embedding ${id}: post the image to /embed`;
  return new SamError('embedding-not-found', message);
}

function mismatch(id: string, why: string, part?: EmbeddingPart): SamError {
  const again = part === 'text' ? '/embed?text=true' : '/embed';
  return new SamError(
    'embedding-mismatch',
    `the embedding ${id} ${why}: post the image to ${again}`,
  );
}
