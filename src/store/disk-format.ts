import { createHmac, webcrypto } from 'node:crypto';
import { bytesOf, type Embedding, parseEmbeddingId, type TensorSet } from '../core/embedding.js';
import type { EmbeddingKey } from '../core/ports.js';
import { BYTES_PER_ELEMENT, type Dtype, type Tensor } from '../core/tensors/tensor.js';

/**
 * A file of the disk tier:
 *
 *     0   32  SHA-256 of all that follows
 *     32   8  "samembed"
 *     40   4  version, little-endian
 *     44   4  length n of the header, little-endian
 *     48   n  header: JSON
 *     48+n    the tensors' numbers, one after the other
 */
const MAGIC = Buffer.from('samembed');
/** Files of version 1, which had one tensor without a name, are made anew. */
const VERSION = 2;
const DIGEST = 32;
const PREAMBLE = DIGEST + 16;

/** More than any embedding's file has: a larger one is none of ours, and is not read. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;

interface Header {
  /** `<model>:<hash>`, the hash as in the file's name. */
  readonly id: string;
  readonly fingerprint: string;
  readonly model: string;
  readonly width: number;
  readonly height: number;
  readonly part?: string;
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: Dtype;
    readonly shape: readonly number[];
  }[];
}

/**
 * The hash that an embedding's file goes by: the image's, and for an owner that hash salted with the owner's name, so
 * that neither names nor contents of files say which image is meant, or that two owners have the same.
 */
export function fileHash({ id, owner }: EmbeddingKey): string {
  const { sha256 } = parseEmbeddingId(id);
  return owner === undefined ? sha256 : createHmac('sha256', owner).update(sha256).digest('hex');
}

/**
 * What all files of an image for a model begin with, whatever made them. An owner's is never taken for that of an image
 * whose hash equals the salted one, by chance or on purpose.
 */
export function fileStem(key: EmbeddingKey): string {
  const { model } = parseEmbeddingId(key.id);
  const part = key.part === undefined ? '' : `#${key.part}`;
  return `${fileHash(key)}${key.owner === undefined ? '.' : '+'}${model}${part}.`;
}

/** Stands for the fingerprint in a file's name. */
export function fileVersion({ fingerprint }: EmbeddingKey): string {
  return fingerprint.slice(0, 16);
}

/** An embedding as the bytes of its file. */
export async function encodeFile(key: EmbeddingKey, embedding: Embedding): Promise<Buffer> {
  const { model, image, tensors } = embedding;
  const { fingerprint, part } = key;
  const described = Object.entries(tensors).map(([name, { dtype, shape }]) => ({
    name,
    dtype,
    shape,
  }));
  const id = `${model}:${fileHash(key)}`;
  const about = { id, fingerprint, model, ...image, ...(part && { part }) };
  const header: Header = { ...about, tensors: described };
  const json = Buffer.from(JSON.stringify(header));
  const file = Buffer.alloc(PREAMBLE + json.length + bytesOf(tensors));
  MAGIC.copy(file, DIGEST);
  file.writeUInt32LE(VERSION, DIGEST + 8);
  file.writeUInt32LE(json.length, DIGEST + 12);
  json.copy(file, PREAMBLE);
  let at = PREAMBLE + json.length;
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, at);
    at += bytes.length;
  }
  file.set(await digest(file.subarray(DIGEST)));
  return file;
}

/**
 * The embedding of a file, or undefined when the file is torn, altered, of another version, or another
 * embedding's. The digest is of the whole file and is looked at before anything else is believed.
 */
export async function decodeFile(key: EmbeddingKey, file: Buffer): Promise<Embedding | undefined> {
  if (file.length < PREAMBLE) return undefined;
  if (!(await digest(file.subarray(DIGEST))).equals(file.subarray(0, DIGEST))) return undefined;
  if (!file.subarray(DIGEST, DIGEST + 8).equals(MAGIC)) return undefined;
  if (file.readUInt32LE(DIGEST + 8) !== VERSION) return undefined;
  const start = PREAMBLE + file.readUInt32LE(DIGEST + 12);
  const header = JSON.parse(file.toString('utf8', PREAMBLE, start)) as Header;
  const { id, fingerprint, model, width, height, part } = header;
  if (id !== `${parseEmbeddingId(key.id).model}:${fileHash(key)}`) return undefined;
  if (fingerprint !== key.fingerprint || part !== key.part) return undefined;
  const tensors = tensorsOf(header, file.subarray(start));
  return tensors && { ...key, model, image: { width, height }, tensors };
}

/** @returns undefined when the numbers are more or fewer than the header says. */
function tensorsOf({ tensors }: Header, numbers: Buffer): TensorSet | undefined {
  const read: Record<string, Tensor> = {};
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const length = shape.reduce((product, side) => product * side, BYTES_PER_ELEMENT[dtype]);
    if (at + length > numbers.length) return undefined;
    // Shared memory, as the encode lane gives it: decode workers read these bytes without a copy.
    const bytes = new Uint8Array(new SharedArrayBuffer(length));
    bytes.set(numbers.subarray(at, at + length));
    read[name] = { dtype, shape, bytes };
    at += length;
  }
  return at === numbers.length ? read : undefined;
}

/** Off the main thread. */
async function digest(bytes: Buffer): Promise<Buffer> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes as Buffer<ArrayBuffer>));
}
