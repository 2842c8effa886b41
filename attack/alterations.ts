import { type Embedding, tensorOf } from '#src/core/embedding.js';
import { idOf, PICTURE } from './images.js';

/** What became of stored embeddings that were altered. */
export interface FlipFigures {
  readonly altered: number;
  refused: number;
  /** Altered where it changes nothing that is served: none, since the digest is of the whole file. */
  wrong: number;
}

/** A small embedding of random numbers. */
export function drawnEmbedding(random: () => number): Embedding {
  const bytes = new Uint8Array(new SharedArrayBuffer(2 * 256 * 8 * 8)).map(() => 256 * random());
  return {
    id: idOf(PICTURE),
    model: 'mobile_sam',
    fingerprint: 'ab'.repeat(32),
    image: { width: 400, height: 300 },
    tensors: { image_embeddings: { dtype: 'float16', shape: [1, 256, 8, 8], bytes } },
  };
}

/** A stored embedding with some bits flipped, or every third time without its end. */
export function altered(good: Buffer, round: number, random: () => number): Buffer {
  if (round % 3 === 2) return good.subarray(0, Math.floor(random() * good.length));
  const file = Buffer.from(good);
  for (let flipped = 0; flipped < 1 + (round % 7); flipped++) {
    const bit = Math.floor(random() * file.length * 8);
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  return file;
}

/** Counts what a store gave for an altered `embedding`. */
export function note(
  figures: FlipFigures,
  found: { readonly embedding: Embedding } | undefined,
  embedding: Embedding,
): void {
  const bytesOf = (each: Embedding) => Buffer.from(tensorOf(each, 'image_embeddings').bytes);
  if (!found) figures.refused++;
  // Two flips of one bit undo each other.
  else if (!bytesOf(found.embedding).equals(bytesOf(embedding))) figures.wrong++;
}
