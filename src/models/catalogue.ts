import { readdirSync, statSync } from 'node:fs';
import { OperatorError } from '../core/errors.js';
import { type ModelManifest, weightFiles } from '../core/model.js';
import { inspectCheckpoint } from '../engine/checkpoint-model.js';
import { readManifest } from '../engine/manifest.js';
import { findModel, readDecoder } from '../engine/model-files.js';
import { resolveFile } from '../engine/model-paths.js';

/** All manifests of a folder, by name. @throws OperatorError for one that is malformed */
export async function manifests(directory: string): Promise<ModelManifest[]> {
  const names = readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
  return Promise.all(names.sort().map((name) => readManifest(directory, name)));
}

/** Bytes of a model's files, undefined when one is missing. */
export function sizeOf(directory: string, manifest: ModelManifest): number | undefined {
  const { encoder, decoder } = weightFiles(manifest);
  const files = new Set([encoder.file, decoder.file]);
  try {
    const sizes = [...files].map((file) => statSync(resolveFile(directory, file)).size);
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch {
    return undefined;
  }
}

/**
 * Checks a model's files: hashes, and for a checkpoint every tensor.
 * @throws OperatorError naming what is wrong
 */
export async function verify(directory: string, name: string): Promise<void> {
  const model = await findModel(directory, name);
  readDecoder(model);
  if (!('checkpoint' in model.manifest)) return;
  const { architecture } = inspectCheckpoint(model.encoderPath);
  if (architecture !== model.manifest.architecture) {
    throw new OperatorError(
      `${model.encoderPath} is ${architecture}, its manifest says ${model.manifest.architecture}`,
    );
  }
}
