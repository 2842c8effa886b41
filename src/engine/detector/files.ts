import { statSync } from 'node:fs';
import { readRegularFile } from '../../checkpoint/regular-file.js';
import { OperatorError } from '../../core/errors.js';
import type { DetectorFileKind, DetectorManifest } from '../../core/find/detector-model.js';
import type { OwlArchitecture } from '../../owl/architecture.js';
import { readConfig } from '../../owl/config.js';
import { sha256Of } from '../model-files.js';
import { resolveFile } from '../model-paths.js';
import { readDetectorManifest } from './manifest.js';

/** Of CLIP's vocabulary and merges, ten times over, in bytes. */
export const LARGEST_TEXT = 16 * 2 ** 20;

export type DetectorPaths = Readonly<Record<DetectorFileKind, string>>;

/** A detector whose files are present and, as far as their hashes are known, unaltered. */
export interface DetectorModel {
  readonly manifest: DetectorManifest;
  readonly architecture: OwlArchitecture;
  readonly paths: DetectorPaths;
  /** Of the weights. */
  readonly sha256: string;
  /** Side of the square it is to see, in pixels. */
  readonly imageSize: number;
}

/**
 * Reads `<directory>/<name>.json` and checks the files it names.
 * @param size side of the square it is to see, in pixels; by default that it was trained for.
 * @throws OperatorError saying which file is missing, altered or malformed
 */
export async function findDetector(
  directory: string,
  name: string,
  size?: number,
): Promise<DetectorModel> {
  const manifest = readDetectorManifest(directory, name);
  const paths = pathsOf(directory, manifest);
  const hashes: Partial<Record<DetectorFileKind, string>> = {};
  for (const kind of Object.keys(paths) as DetectorFileKind[]) {
    hashes[kind] = await verify(manifest, kind, paths[kind]);
  }
  const architecture = readArchitecture(paths.config);
  if (architecture.family !== manifest.architecture) {
    const { family } = architecture;
    throw new OperatorError(
      `${paths.config} is of an ${family}, its manifest says ${manifest.architecture}`,
    );
  }
  const imageSize = checkSize(architecture, size);
  return { manifest, architecture, paths, sha256: hashes.weights as string, imageSize };
}

/** @throws OperatorError when the file is no configuration of a detector */
export function readArchitecture(path: string): OwlArchitecture {
  return named(path, () => readConfig(readRegularFile(path, LARGEST_TEXT)));
}

/** @throws OperatorError when a path leads outside of the folder */
export function pathsOf(directory: string, { files }: DetectorManifest): DetectorPaths {
  const entries = Object.entries(files).map(([kind, { file }]) => [
    kind,
    resolveFile(directory, file),
  ]);
  return Object.fromEntries(entries);
}

async function verify(
  { name, files }: DetectorManifest,
  kind: DetectorFileKind,
  path: string,
): Promise<string> {
  const again = `run "npm run models -- pull ${name}"`;
  const { sha256, bytes } = files[kind];
  let actual: string;
  try {
    actual = await sha256Of(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? `is missing: ${again}` : `cannot be read: ${message}`;
    throw new OperatorError(`model file ${path} ${reason}`, { cause });
  }
  const { size } = statSync(path);
  if (bytes !== undefined && size !== bytes) {
    throw new OperatorError(`model file ${path} has ${size} bytes, expected ${bytes}: ${again}`);
  }
  if (sha256 !== undefined && actual !== sha256) {
    throw new OperatorError(
      `model file ${path} is not the one its manifest names: sha256 ${actual}, expected ${sha256}: ${again}`,
    );
  }
  return actual;
}

function checkSize({ image, family }: OwlArchitecture, size = image.imageSize): number {
  const { imageSize, patchSize } = image;
  if (size === imageSize) return size;
  if (family === 'owlvit') {
    throw new OperatorError(`SAM_TEXT_SIZE: an OWL-ViT takes pictures of ${imageSize} only`);
  }
  if (size % patchSize !== 0 || size > imageSize) {
    throw new OperatorError(
      `SAM_TEXT_SIZE: must be a multiple of ${patchSize}, the side of a patch, and at most ${imageSize}`,
    );
  }
  return size;
}

/** Runs `read`, whose errors do not name the file. @throws OperatorError */
export function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new OperatorError(`${path}: ${(cause as Error).message}`, { cause });
  }
}
