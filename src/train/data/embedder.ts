import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { embeddingId, IMAGE_EMBEDDINGS, tensorOf } from '../../core/embedding.js';
import { SamError } from '../../core/errors.js';
import { fingerprintOf, type PrecisionChoice } from '../../core/family/model.js';
import type { ImageSize } from '../../core/image.js';
import type { EmbeddingKey } from '../../core/ports.js';
import { readFloats, writeFloats } from '../../core/tensors/tensor.js';
import { encoderNetwork, ImageEncoder } from '../../engine/image-encoder.js';
import type { Model } from '../../engine/model-files.js';
import type { SessionOptions } from '../../engine/session.js';
import { decodeImage } from '../../image/decode.js';
import { toModelSize } from '../../image/preprocess.js';
import { isMissing, readUntrusted, writePrivate } from '../../store/disk-files.js';
import { decodeFile, encodeFile, fileHash, MAX_FILE_BYTES } from '../../store/disk-format.js';

/** Half the bytes on the disk, and what the service keeps as a rule. */
const DTYPE = 'float16';

export interface EmbedderOptions {
  readonly model: Model;
  /** Where embeddings are kept. */
  readonly folder: string;
  readonly session: SessionOptions;
  readonly precision: PrecisionChoice;
  readonly maxPixels: number;
}

/** An image that has been embedded, whose embedding is on the disk. */
export interface EmbeddedImage {
  readonly key: EmbeddingKey;
  /** Of the upright image. */
  readonly size: ImageSize;
}

/** Image embeddings, each made once: those of earlier runs are read from the disk. */
export class Embedder {
  readonly #options: EmbedderOptions;
  readonly #fingerprint: string;
  #encoder: Promise<ImageEncoder> | undefined;

  constructor(options: EmbedderOptions) {
    this.#options = options;
    const { model, precision } = options;
    this.#fingerprint = fingerprintOf(model.manifest, precision, DTYPE);
  }

  /** @throws SamError when the image cannot be read, or is too large */
  async embed(image: Uint8Array): Promise<EmbeddedImage> {
    const { manifest } = this.#options.model;
    const sha256 = createHash('sha256').update(image).digest('hex');
    // Models that have this encoder in common have their embeddings in common.
    const key = { id: embeddingId(manifest.architecture, sha256), fingerprint: this.#fingerprint };
    const known = await this.#find(key);
    if (known) return { key, size: known.image };

    const decoded = await decodeImage(image, { maxPixels: this.#options.maxPixels });
    const pixels = toModelSize(decoded, manifest.image_size);
    this.#encoder ??= this.#open();
    const output = (await (await this.#encoder).run([pixels]))[IMAGE_EMBEDDINGS];
    if (!output) throw new Error(`the encoder has no output "${IMAGE_EMBEDDINGS}"`);
    const bytes = writeFloats(output.data, DTYPE, new ArrayBuffer(2 * output.data.length));
    const size = { width: decoded.width, height: decoded.height };
    const embedding = {
      ...key,
      model: manifest.architecture,
      image: size,
      tensors: { [IMAGE_EMBEDDINGS]: { dtype: DTYPE, shape: output.shape, bytes } },
    } as const;
    const { folder, name } = this.#place(key);
    const place = { aside: `${name}.${process.pid}.tmp`, name };
    await writePrivate(folder, place, await encodeFile(key, embedding));
    return { key, size };
  }

  /** The floats of an embedding, [1,256,64,64]. @throws SamError when its file was removed or damaged meanwhile */
  async read({ key }: EmbeddedImage): Promise<Float32Array> {
    const embedding = await this.#find(key);
    if (!embedding) {
      throw new SamError('embedding-not-found', `the embedding of ${key.id} is gone from the disk`);
    }
    const { bytes, dtype } = tensorOf(embedding, IMAGE_EMBEDDINGS);
    return readFloats(bytes, dtype);
  }

  async #find(key: EmbeddingKey) {
    const { folder, name } = this.#place(key);
    try {
      const file = await readUntrusted(join(folder, name), MAX_FILE_BYTES);
      return file && (await decodeFile(key, file));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #place(key: EmbeddingKey) {
    const folder = join(this.#options.folder, key.fingerprint.slice(0, 16));
    return { folder, name: `${fileHash(key)}.embedding` };
  }

  #open(): Promise<ImageEncoder> {
    const { model, precision, session } = this.#options;
    const network = encoderNetwork(model.manifest, model.encoderPath, precision);
    return ImageEncoder.open(network, model.manifest.image_size, session);
  }
}
