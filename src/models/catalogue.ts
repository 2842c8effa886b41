import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.js';
import { type ModelManifest, weightFiles } from '../core/family/model.js';
import type { DetectorManifest } from '../core/find/detector-model.js';
import { inspectCheckpoint } from '../engine/checkpoint-model.js';
import { inspectDetector } from '../engine/detector/checkpoint.js';
import { findDetector } from '../engine/detector/files.js';
import { isDetector, readDetectorManifest } from '../engine/detector/manifest.js';
import { readTokenizer } from '../engine/detector/tokenizer.js';
import { readManifest } from '../engine/manifest.js';
import { findModel, readDecoder } from '../engine/model-files.js';
import { resolveFile } from '../engine/model-paths.js';

/** All manifests of SAM's models in a folder, by name. @throws OperatorError for one that is malformed */
export async function manifests(directory: string): Promise<ModelManifest[]> {
  const names = namesIn(directory).filter((name) => !isDetectorNamed(directory, name));
  return Promise.all(names.map((name) => readManifest(directory, name)));
}

/** All manifests of detectors in a folder, by name. @throws OperatorError for one that is malformed */
export function detectors(directory: string): DetectorManifest[] {
  return namesIn(directory)
    .filter((name) => isDetectorNamed(directory, name))
    .map((name) => readDetectorManifest(directory, name));
}

/** Whether a name is a detector's. A manifest that cannot be read is none, and another reader says why. */
export function isDetectorNamed(directory: string, name: string): boolean {
  try {
    return isDetector(JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')));
  } catch {
    return false;
  }
}

function namesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** Bytes of a model's files, undefined when one is missing. */
export function sizeOf(
  directory: string,
  manifest: ModelManifest | DetectorManifest,
): number | undefined {
  const used =
    'files' in manifest ? Object.values(manifest.files) : Object.values(weightFiles(manifest));
  const files = new Set(used.map(({ file }) => file));
  try {
    const sizes = [...files].map((file) => statSync(resolveFile(directory, file)).size);
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch {
    return undefined;
  }
}

/**
 * Checks a model's files: hashes, of a checkpoint every tensor, and of a detector its vocabulary.
 * @throws OperatorError naming what is wrong
 */
export async function verify(directory: string, name: string): Promise<void> {
  if (isDetectorNamed(directory, name)) {
    const { architecture, paths } = await findDetector(directory, name);
    inspectDetector(paths.weights, architecture);
    readTokenizer(paths, architecture);
    return;
  }
  const model = await findModel(directory, name);
  readDecoder(model);
  if (!('checkpoint' in model.manifest)) return;
  const { architecture } = inspectCheckpoint(model.encoderPath, model.manifest.hiera);
  if (architecture !== model.manifest.architecture) {
    throw new OperatorError(
      `${model.encoderPath} is ${architecture}, its manifest says ${model.manifest.architecture}`,
    );
  }
}
