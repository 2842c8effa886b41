import { type Embedding, embeddingId, parseEmbeddingId } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { EmbeddingStore, ImageLane, Timings } from '../core/ports.js';
import type { Box } from '../core/prompt.js';
import { sniffFormat } from '../image/format.js';
import { SingleFlight } from '../store/single-flight.js';

const UNKNOWN_FORMAT = 'the image is not a JPEG, PNG, WebP or AVIF file';

/** How an embedding came to a request: made for it, made for another that came first, or found. */
export type FlightKind = 'computed' | 'joined' | 'cached';

export interface Embedded {
  readonly embedding: Embedding;
  readonly flight: FlightKind;
  /** Of the encode that made it; empty when it was cached. */
  readonly timings: Timings;
}

/** The embeddings a model has made: finds them, and makes those that are not there, each once. */
export class Embeddings {
  readonly #model: string;
  readonly #fingerprint: string;
  readonly #store: EmbeddingStore;
  readonly #lane: ImageLane;
  readonly #flights = new SingleFlight<Embedded>();

  /** @param fingerprint stands for the model's files and the preprocessing: another one, another entry. */
  constructor(model: string, fingerprint: string, store: EmbeddingStore, lane: ImageLane) {
    this.#model = model;
    this.#fingerprint = fingerprint;
    this.#store = store;
    this.#lane = lane;
  }

  /**
   * The embedding of an image.
   * @param sha256 of `image`, in hex.
   * @param signal gives up waiting; the encode goes on while others wait for it.
   * @throws SamError `unsupported-media-type`, `image-unreadable`, `image-too-large`, `overloaded`
   */
  async embed(image: Uint8Array, sha256: string, signal?: AbortSignal): Promise<Embedded> {
    const id = embeddingId(this.#model, sha256);
    const cached = await this.#store.get(this.#key(sha256));
    if (cached) return { embedding: cached, flight: 'cached', timings: {} };
    if (!sniffFormat(image)) throw new SamError('unsupported-media-type', UNKNOWN_FORMAT);
    const make = (abandoned: AbortSignal) => this.#make(id, image, sha256, abandoned);
    const { value, joined } = await this.#flights.run(sha256, make, signal);
    return joined ? { ...value, flight: 'joined' } : value;
  }

  /**
   * The embedding of a part of an image, for this once: it is not kept.
   * @param whole the embedding of all of it. @param crop x1, y1, x2, y2 in whole pixels.
   */
  async embedCrop(
    whole: Embedding,
    image: Uint8Array,
    crop: Box,
    signal: AbortSignal,
  ): Promise<Embedding> {
    const { timings, ...made } = await this.#lane.encodeCrop({ image, crop }, signal);
    return { ...whole, id: `${whole.id}#${crop.join()}`, ...made };
  }

  /**
   * The embedding with this id.
   * @throws SamError `invalid-request` for a malformed id, `embedding-not-found`
   */
  async find(id: string): Promise<Embedding> {
    const { model, sha256 } = parseEmbeddingId(id);
    const found = model === this.#model ? await this.#store.get(this.#key(sha256)) : undefined;
    return found ?? notFound(id);
  }

  /**
   * Forgets an embedding.
   * @throws SamError `invalid-request` for a malformed id, `embedding-not-found`
   */
  async drop(id: string): Promise<void> {
    const { model, sha256 } = parseEmbeddingId(id);
    if (model !== this.#model || !(await this.#store.delete(this.#key(sha256)))) notFound(id);
  }

  async #make(id: string, image: Uint8Array, sha256: string, signal: AbortSignal) {
    const { timings, ...made } = await this.#lane.encode(image, signal);
    const embedding: Embedding = {
      id,
      model: this.#model,
      fingerprint: this.#fingerprint,
      ...made,
    };
    await this.#store.set(this.#key(sha256), embedding);
    return { embedding, flight: 'computed' as const, timings };
  }

  #key(sha256: string): string {
    return `${this.#fingerprint}/${sha256}`;
  }
}

function notFound(id: string): never {
  throw new SamError(
    'embedding-not-found',
    `there is no embedding ${id}: post the image to /embed`,
  );
}
