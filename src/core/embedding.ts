import { violation } from './errors.js';
import type { ImageSize } from './image.js';
import { MODEL_NAME_PATTERN } from './model-name.js';
import type { Tensor } from './tensor.js';

/** What the image encoder made of an image: a [1,256,64,64] tensor and the size of the image it stands for. */
export interface Embedding {
  readonly id: string;
  readonly model: string;
  /** Stands for the model's files, the preprocessing and the number format that made the tensor. */
  readonly fingerprint: string;
  /** The name of the key it belongs to, where keys have nothing in common. */
  readonly owner?: string;
  readonly image: ImageSize;
  readonly tensor: Tensor;
}

const ID = new RegExp(`^(${MODEL_NAME_PATTERN}):([0-9a-f]{64})$`);

/** `<model>:<sha256 of the uploaded bytes>`: an id names content, so any client can compute it. */
export function embeddingId(model: string, sha256: string): string {
  return `${model}:${sha256}`;
}

/**
 * Tells an embedding from all others: of the same image, those of another owner and of another fingerprint. An id has
 * no `@`, and a key's name no `/`.
 */
export function entryName({
  id,
  fingerprint,
  owner,
}: Pick<Embedding, 'id' | 'fingerprint' | 'owner'>): string {
  return owner === undefined ? `${id}@${fingerprint}` : `${owner}/${id}@${fingerprint}`;
}

/**
 * Splits an id into its model and its hash.
 * @throws SamError `invalid-request` when the text is not an embedding id.
 */
export function parseEmbeddingId(id: string): { model: string; sha256: string } {
  const match = ID.exec(id);
  if (!match) {
    const message = 'must be <model>:<sha256 in 64 lower-case hex digits>';
    throw violation('invalid-request', '/embedding_id', message);
  }
  return { model: match[1] as string, sha256: match[2] as string };
}
