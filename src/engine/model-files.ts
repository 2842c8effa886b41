import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { isCheckpoint } from '../checkpoint/checkpoint.js';
import { LARGEST_CHECKPOINT } from '../checkpoint/checkpoint-file.js';
import { openRegularFile } from '../checkpoint/regular-file.js';
import { OperatorError } from '../core/errors.js';
import { type ModelFile, type ModelManifest, weightFiles } from '../core/family/model.js';
import { readDecoderWeights } from '../sam/weights/exported-decoder.js';
import type { Weights } from '../sam/weights/weights.js';
import { checkpointDecoder } from './checkpoint-model.js';
import { readManifest } from './manifest.js';
import { resolveFile } from './model-paths.js';

/** A model whose files are present and unaltered. */
export interface Model {
  readonly manifest: ModelManifest;
  /** The file with the encoder's weights, and the one with the decoder's: a checkpoint is both. */
  readonly encoderPath: string;
  readonly decoderPath: string;
}

/**
 * Reads `<directory>/<name>.json` and checks the files it names against their hashes.
 * @throws OperatorError saying which file is missing, altered or malformed.
 */
export async function findModel(directory: string, name: string): Promise<Model> {
  const manifest = await readManifest(directory, name);
  const { encoder, decoder } = weightFiles(manifest);
  const encoderPath = await verify(directory, manifest, encoder);
  const decoderPath =
    encoder === decoder ? encoderPath : await verify(directory, manifest, decoder);
  return { manifest, encoderPath, decoderPath };
}

/**
 * The weights of a model's prompt encoder and mask decoder: of a checkpoint, which may hold nothing else, or of a decoder
 * that was exported to ONNX.
 * @throws OperatorError naming one that does not fit
 */
export function readDecoder({ manifest, decoderPath }: Model): Weights {
  return 'checkpoint' in manifest || isCheckpoint(decoderPath)
    ? checkpointDecoder(decoderPath)
    : readDecoderWeights(readFileSync(decoderPath));
}

/** The path of a model file that exists and has the promised hash. */
async function verify(
  directory: string,
  manifest: ModelManifest,
  { file, sha256 }: ModelFile,
): Promise<string> {
  const path = resolveFile(directory, file);
  const again = 'checkpoint' in manifest ? `: run "npm run models -- pull ${manifest.name}"` : '';
  let actual: string;
  try {
    actual = await sha256Of(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' && again ? `is missing${again}` : `cannot be read: ${message}`;
    throw new OperatorError(`model file ${path} ${reason}`, { cause });
  }
  if (actual !== sha256) {
    throw new OperatorError(
      `model file ${path} is not the one its manifest names: sha256 ${actual}, expected ${sha256}${again}`,
    );
  }
  return path;
}

/** The SHA-256 of a file, in hex. @throws Error when it cannot be read, or is a folder, a pipe or a device */
export async function sha256Of(path: string): Promise<string> {
  const { descriptor: fd } = openRegularFile(path, LARGEST_CHECKPOINT);
  const hash = createHash('sha256');
  await pipeline(createReadStream('', { fd, highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}
