import { readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import type { Provider } from '../core/device.js';
import type { ModelManifest, Precision } from '../core/family/model.js';
import { buildMobileSamEncoder } from '../sam/encoder/mobile-sam-encoder.js';
import { checkpointEncoder } from './checkpoint-model.js';
import type { EmbeddingFloats } from './mask-decoder.js';
import { type Network, openSession, type Session, type SessionOptions } from './session.js';

/**
 * A model's image encoder as a session takes it.
 * @param path of the file that the manifest names, an ONNX graph or a checkpoint.
 * @throws OperatorError when the file is not what the manifest says
 */
export function encoderNetwork(
  manifest: ModelManifest,
  path: string,
  precision: Precision,
): Network {
  if (!('checkpoint' in manifest)) return buildMobileSamEncoder(readFileSync(path), precision);
  return checkpointEncoder(path, manifest, precision);
}

/** The image encoder: a normalised image to its embedding. */
export class ImageEncoder {
  readonly provider: Provider;
  readonly #session: Session;
  readonly #imageSize: number;

  private constructor(session: Session, imageSize: number) {
    this.provider = session.provider;
    this.#session = session;
    this.#imageSize = imageSize;
  }

  /** @param network with one input [B,3,S,S] `input`, whose outputs are an embedding's tensors by their names. */
  static async open(
    network: Network,
    imageSize: number,
    options: SessionOptions,
  ): Promise<ImageEncoder> {
    return new ImageEncoder(await openSession(network, options), imageSize);
  }

  /**
   * @param input [B,3,S,S] normalised RGB.
   * @returns the tensors of B embeddings, [B,...] each.
   */
  async run(input: Float32Array): Promise<EmbeddingFloats> {
    const side = this.#imageSize;
    const batch = input.length / (3 * side * side);
    const outputs = await this.#session.run({
      input: new Tensor('float32', input, [batch, 3, side, side]),
    });
    const tensors = Object.entries(outputs).map(
      ([name, { data, dims }]) => [name, { data: data as Float32Array, shape: dims }] as const,
    );
    return Object.fromEntries(tensors);
  }
}
