import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import { SamError, violation } from '../../core/errors.js';
import type { ImageFile } from '../../core/image.js';
import type { EmbeddingKey } from '../../core/ports.js';
import type { Embedded, Embeddings } from '../embeddings.js';

/** What a detector makes of a model's images, under the ids of their embeddings. */
export class ImageFeatures {
  /** Whether every image that is embedded gets them. */
  readonly always: boolean;
  readonly #features: Embeddings;
  /** Loads the detector's networks, unless they are. */
  readonly load: () => Promise<void>;

  constructor(features: Embeddings, load: () => Promise<void>, always: boolean) {
    this.always = always;
    this.#features = features;
    this.load = load;
  }

  /** @throws SamError as `Embeddings.embed` */
  async make(file: ImageFile, caller: Caller): Promise<Embedded> {
    await this.load();
    return this.#features.embed(file, caller);
  }

  /** What there is of an image, if anything: to be shown, so that no network is loaded for it. */
  async look(id: string, caller: Caller): Promise<Embedding | undefined> {
    try {
      return await this.#features.find(id, caller);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** @throws SamError `embedding-not-found` where the image was embedded without them */
  async find(id: string, caller: Caller): Promise<Embedding> {
    const found = await this.#features.find(id, caller);
    await this.load();
    return found;
  }

  /** As `Embeddings.forget`. */
  forget(key: EmbeddingKey): boolean {
    return this.#features.forget(key);
  }

  /** Forgets them, if there are any. @throws SamError `not-deleted` */
  async drop(id: string, caller: Caller): Promise<void> {
    try {
      await this.#features.drop(id, caller);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  const codes = ['embedding-not-found', 'embedding-mismatch'];
  return error instanceof SamError && codes.includes(error.code);
}

/** @throws SamError `invalid-request` where nothing finds things by text */
export function needed<T>(part: T | undefined, path = '/text'): T {
  if (part) return part;
  const message =
    'needs a model that reads texts, and this service was started without one (SAM_TEXT_MODEL)';
  throw violation('invalid-request', path, message);
}
