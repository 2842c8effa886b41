import { readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import type { Provider } from '../core/device.js';
import {
  frameOf,
  type ModelManifest,
  type Precision,
  type PrecisionChoice,
} from '../core/family/model.js';
import type { RgbImage } from '../core/image.js';
import type { ModelProto } from '../onnx/proto.js';
import { writeModel } from '../onnx/write-model.js';
import { buildMobileSamEncoder } from '../sam/encoder/mobile-sam-encoder.js';
import { withPreprocessing } from '../sam/encoder/preprocess.js';
import { checkpointEncoder } from './checkpoint-model.js';
import type { EmbeddingFloats } from './mask-decoder.js';
import { type Network, openSession, type Session, type SessionOptions } from './session.js';

/** B images: each no larger than the model's square, or, of a model that stretches them, [B,3,S,S] normalised. */
export type EncoderInput = readonly RgbImage[] | Float32Array;

/**
 * A model's image encoder as a session takes it: where images keep their shape, it is given their pixels.
 * @param path of the file that the manifest names, an ONNX graph or a checkpoint.
 * @throws OperatorError when the file is not what the manifest says
 */
export function encoderNetwork(
  manifest: ModelManifest,
  path: string,
  precision: PrecisionChoice,
): Network {
  const { side, resize } = frameOf(manifest);
  const { pixel_mean: pixelMean, pixel_std: pixelStd } = manifest;
  const prepare = (model: ModelProto) =>
    resize === 'longest_side' ? withPreprocessing(model, { side, pixelMean, pixelStd }) : model;
  if ('checkpoint' in manifest) return checkpointEncoder(path, manifest, precision, prepare);
  const file = readFileSync(path);
  return {
    precision,
    graphFor: (provider, chosen) =>
      writeModel(prepare(buildMobileSamEncoder(file, chosen, provider))),
  };
}

/** The image encoder: images to their embeddings. */
export class ImageEncoder {
  readonly provider: Provider;
  readonly precision: Precision;
  readonly #session: Session;
  readonly #imageSize: number;
  /** Used anew by each run: new memory takes longer than to fill it. */
  #squares = new Uint8Array();

  private constructor(session: Session, imageSize: number) {
    this.provider = session.provider;
    this.precision = session.precision;
    this.#session = session;
    this.#imageSize = imageSize;
  }

  /** @param network with one input [B,3,S,S] `input`, or those of `withPreprocessing`, whose outputs are an embedding's tensors by their names. */
  static async open(
    network: Network,
    imageSize: number,
    options: SessionOptions,
  ): Promise<ImageEncoder> {
    return new ImageEncoder(await openSession(network, options), imageSize);
  }

  /**
   * @param input of the kind that the network takes.
   * @returns the tensors of B embeddings, [B,...] each.
   */
  async run(input: EncoderInput): Promise<EmbeddingFloats> {
    const side = this.#imageSize;
    const outputs = await this.#session.run(
      input instanceof Float32Array
        ? { input: new Tensor('float32', input, [input.length / (3 * side * side), 3, side, side]) }
        : this.#pixelsOf(input),
    );
    const tensors = Object.entries(outputs).map(
      ([name, { data, dims }]) => [name, { data: data as Float32Array, shape: dims }] as const,
    );
    return Object.fromEntries(tensors);
  }

  /** The inputs of `withPreprocessing`. */
  #pixelsOf(images: readonly RgbImage[]): Record<string, Tensor> {
    const side = this.#imageSize;
    const [stride, square] = [3 * side, 3 * side * side];
    const length = images.length * square;
    if (this.#squares.length < length) this.#squares = new Uint8Array(length);
    const pixels = this.#squares.subarray(0, length);
    for (const [i, { data, width, height }] of images.entries()) {
      for (let y = 0; y < height; y++) {
        const row = data.subarray(3 * width * y, 3 * width * (y + 1));
        pixels.set(row, i * square + y * stride);
      }
    }
    const sizes = Float32Array.from(images.flatMap(({ width, height }) => [height, width]));
    return {
      pixels: new Tensor('uint8', pixels, [images.length, side, side, 3]),
      sizes: new Tensor('float32', sizes, [images.length, 2]),
    };
  }
}
