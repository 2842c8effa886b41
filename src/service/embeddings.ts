import { type Caller, withSignal } from '../core/caller.js';
import { type Embedding, embeddingId, parseEmbeddingId } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { EmbeddingKey, EmbeddingStore, ImageLane, Tier, Timings } from '../core/ports.js';
import type { Box } from '../core/prompt.js';
import { sniffFormat } from '../image/format.js';
import { SingleFlight } from '../store/single-flight.js';

const UNKNOWN_FORMAT = 'the image is not a JPEG, PNG, WebP or AVIF file';

/** How an embedding came to a request: made for it, made for another that came first, or found. */
export type FlightKind = 'computed' | 'joined' | 'cached';

export interface Embedded {
  readonly embedding: Embedding;
  readonly flight: FlightKind;
  /** Where it was found, when it was. */
  readonly tier?: Tier;
  /** Of the encode that made it; empty when it was cached. */
  readonly timings: Timings;
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
  readonly #lane: ImageLane;
  readonly #counts: EmbeddingCounts | undefined;
  readonly #flights = new SingleFlight<Embedded>();

  /** @param fingerprint stands for the model's files and the preprocessing: another one, another entry. */
  constructor(
    model: string,
    fingerprint: string,
    store: EmbeddingStore,
    lane: ImageLane,
    counts?: EmbeddingCounts,
  ) {
    this.#model = model;
    this.#fingerprint = fingerprint;
    this.#store = store;
    this.#lane = lane;
    this.#counts = counts;
  }

  /**
   * The embedding of an image.
   * @param sha256 of `image`, in hex.
   * @param caller leaves without stopping the encode while others wait for it; its memory stays booked until then.
   * @throws SamError `unsupported-media-type`, `image-unreadable`, `image-too-large`, `overloaded`
   */
  async embed(image: Uint8Array, sha256: string, caller: Caller): Promise<Embedded> {
    const embedded = await this.#embed(image, sha256, caller);
    this.#counts?.flight(embedded.flight);
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
    const { timings, ...made } = await this.#lane.encodeCrop({ image, crop }, caller);
    return { ...whole, id: `${whole.id}#${crop.join()}`, ...made };
  }

  /**
   * The embedding with this id, and where it was kept.
   * @throws SamError `invalid-request` for a malformed id, `embedding-not-found`, `embedding-mismatch`
   */
  async find(id: string): Promise<{ embedding: Embedding; tier: Tier }> {
    this.#checkModel(id);
    const found = await this.#look(id);
    if (found) return found;
    if (await this.#store.hasOther(this.#key(id))) {
      throw mismatch(id, 'was made in another precision or by another version');
    }
    throw notFound(id);
  }

  /**
   * Forgets an embedding.
   * @throws SamError `invalid-request` for a malformed id, `embedding-not-found`, `embedding-mismatch`
   */
  async drop(id: string): Promise<void> {
    this.#checkModel(id);
    if (!(await this.#store.delete(this.#key(id)))) throw notFound(id);
  }

  async #embed(image: Uint8Array, sha256: string, caller: Caller): Promise<Embedded> {
    const id = embeddingId(this.#model, sha256);
    const cached = await this.#look(id);
    if (cached) return { ...cached, flight: 'cached', timings: {} };
    if (!sniffFormat(image)) throw new SamError('unsupported-media-type', UNKNOWN_FORMAT);
    const make = (abandoned: AbortSignal) =>
      caller.memory.during(this.#make(id, image, withSignal(caller, abandoned)));
    const { value, joined } = await this.#flights.run(sha256, make, caller.signal);
    return joined ? { ...value, flight: 'joined' } : value;
  }

  async #look(id: string) {
    const found = await this.#store.get(this.#key(id));
    this.#counts?.lookup(found?.tier ?? 'none');
    return found;
  }

  #checkModel(id: string): void {
    const { model } = parseEmbeddingId(id);
    if (model !== this.#model) throw mismatch(id, `is of a model that is not served here`);
  }

  async #make(id: string, image: Uint8Array, caller: Caller) {
    const { timings, ...made } = await this.#lane.encode(image, caller);
    const embedding: Embedding = {
      id,
      model: this.#model,
      fingerprint: this.#fingerprint,
      ...made,
    };
    await this.#store.set(this.#key(id), embedding);
    return { embedding, flight: 'computed' as const, timings };
  }

  #key(id: string): EmbeddingKey {
    return { id, fingerprint: this.#fingerprint };
  }
}

function notFound(id: string): SamError {
  const message = `there is no embedding ${id}: post the image to /embed`;
  return new SamError('embedding-not-found', message);
}

function mismatch(id: string, why: string): SamError {
  return new SamError('embedding-mismatch', `the embedding ${id} ${why}: post the image to /embed`);
}
