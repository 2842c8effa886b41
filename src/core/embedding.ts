import { violation } from './errors.js';
import { MODEL_NAME_PATTERN } from './family/model-name.js';
import type { ImageSize } from './image.js';
import type { Tensor } from './tensors/tensor.js';

/** Tensors by name, in the order in which they are kept. */
export type TensorSet = Readonly<Record<string, Tensor>>;

/** What SAM's image encoder makes of an image, [1,256,64,64], by the name that the exported decoder has for it. */
export const IMAGE_EMBEDDINGS = 'image_embeddings';

/** What networks made of an image: tensors, and the size of the image they stand for. */
export interface Embedding {
  readonly id: string;
  readonly model: string;
  /** Stands for the model's files, the preprocessing and the number format that made the tensors. */
  readonly fingerprint: string;
  /** The name of the key it belongs to, where keys have nothing in common. */
  readonly owner?: string;
  /** What of the image it is, beside what prompts need: the features by which things are found by text. */
  readonly part?: EmbeddingPart;
  readonly image: ImageSize;
  readonly tensors: TensorSet;
}

/** A set of tensors that is kept under the same id as another. */
export type EmbeddingPart = 'text';

/** The tensor of that name. @throws Error where the set has none: networks and stores must not be mixed up */
export function tensorOf({ tensors }: Pick<Embedding, 'tensors'>, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`the embedding has no tensor "${name}"`);
  return tensor;
}

/** Bytes of all tensors. */
export function bytesOf(tensors: TensorSet): number {
  return Object.values(tensors).reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
}

const ID = new RegExp(`^(${MODEL_NAME_PATTERN}):([0-9a-f]{64})$`);

/** `<model>:<sha256 of the uploaded bytes>`: an id names content, so any client can compute it. */
export function embeddingId(model: string, sha256: string): string {
  return `${model}:${sha256}`;
}

/**
 * Tells an embedding from all others: of the same image, its other part, those of another owner and of another fingerprint.
 * An id has neither `#` nor `@`, and a key's name no `/`.
 */
export function entryName({
  id,
  fingerprint,
  owner,
  part,
}: Pick<Embedding, 'id' | 'fingerprint' | 'owner' | 'part'>): string {
  const name = `${part === undefined ? id : `${id}#${part}`}@${fingerprint}`;
  return owner === undefined ? name : `${owner}/${name}`;
}

/**
 * Splits an id into its model and its hash.
 * @param path a JSON pointer to it.
 * @throws SamError `invalid-request` when the text is not an embedding id.
 */
export function parseEmbeddingId(
  id: string,
  path = '/embedding_id',
): { model: string; sha256: string } {
  const match = ID.exec(id);
  if (!match) {
    const message = 'must be <model>:<sha256 in 64 lower-case hex digits>';
    throw violation('invalid-request', path, message);
  }
  return { model: match[1] as string, sha256: match[2] as string };
}
