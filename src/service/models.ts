import { parseEmbeddingId } from '../core/embedding.js';
import { violation } from '../core/errors.js';
import type { EmbeddingKey } from '../core/ports.js';
import type { ServedModel } from './served-model.js';

/** The model that finds things by text, as `/models` shows it. */
export interface TextModelInfo {
  readonly name: string;
  readonly title: string;
  readonly license: string;
  readonly source: string;
  readonly architecture: string;
  /** Side of the square it sees, in pixels. */
  readonly image_size: number;
}

/** The models that are served; the first is the default. */
export class Models {
  readonly #default: ServedModel;
  readonly #byName: ReadonlyMap<string, ServedModel>;
  /** What finds things by text in the images of all of them. */
  readonly text: TextModelInfo | undefined;

  /** @throws Error when there are none. */
  constructor(models: readonly ServedModel[], text?: TextModelInfo) {
    const [first] = models;
    if (!first) throw new Error('there is no model to serve');
    this.#default = first;
    this.text = text;
    this.#byName = new Map(models.map((model) => [model.name, model]));
  }

  /** All of them, the default first. */
  get all(): readonly ServedModel[] {
    return [...this.#byName.values()];
  }

  /**
   * @param name of the model, undefined for the default.
   * @throws SamError `invalid-request` when it is not served
   */
  named(name?: string): ServedModel {
    const model = name === undefined ? this.#default : this.#byName.get(name);
    if (model) return model;
    const names = [...this.#byName.keys()].join(', ');
    throw violation('invalid-request', '/model', `must be one of ${names}`);
  }

  /** As `Embeddings.forget`. */
  forget(key: EmbeddingKey): boolean {
    const model = this.of(key.id);
    return (key.part === undefined ? model.embeddings : model.features)?.forget(key) ?? false;
  }

  /**
   * The model whose embedding an id may be; of a model that is not served, the default has to say so.
   * @throws SamError `invalid-request` for a malformed id
   */
  of(id: string): ServedModel {
    return this.#byName.get(parseEmbeddingId(id).model) ?? this.#default;
  }
}
