import { existsSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { OperatorError } from '../core/errors.js';
import type { ModelManifest, RemoteFile } from '../core/model.js';
import { sha256Of } from '../engine/model-files.js';
import { resolveFile } from '../engine/model-paths.js';
import { Download, LIMITS, type OnProgress } from './download.js';

/**
 * Downloads a model's checkpoint beside its manifest, and resumes a download that was cut. The file gets its name
 * only when its size and hash are right.
 * @returns the path of the file, which may have been there already.
 * @throws OperatorError saying in words what went wrong and what to do.
 */
export async function pull(
  directory: string,
  manifest: ModelManifest,
  onProgress: OnProgress,
  limits = LIMITS,
): Promise<string> {
  if (!('checkpoint' in manifest)) {
    throw new OperatorError(`${manifest.name} needs no download: its files come with npm ci`);
  }
  const { checkpoint } = manifest;
  const path = resolveFile(directory, checkpoint.file);
  if (existsSync(path)) {
    await check(path, checkpoint);
    return path;
  }
  if (!checkpoint.url) {
    throw new OperatorError(`the manifest of ${manifest.name} has no url to download ${path} from`);
  }
  const download = new Download(checkpoint.url, path, {
    ...limits,
    bytes: checkpoint.bytes,
    onProgress,
  });
  await download.run();
  await check(download.part, checkpoint).catch(async (error) => {
    await rm(download.part);
    throw error;
  });
  await rename(download.part, path);
  return path;
}

/** @throws OperatorError when a file is not the one that was promised */
async function check(path: string, { bytes, sha256 }: RemoteFile): Promise<void> {
  const { size } = statSync(path);
  if (bytes !== undefined && size !== bytes) {
    throw new OperatorError(`${path} has ${size} bytes, expected ${bytes}`);
  }
  const actual = await sha256Of(path);
  if (actual !== sha256) {
    throw new OperatorError(`${path} has the sha256 ${actual}, expected ${sha256}`);
  }
}
