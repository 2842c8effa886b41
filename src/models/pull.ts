import { existsSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '../core/errors.js';
import type { ModelManifest } from '../core/family/model.js';
import type { DetectorFile, DetectorManifest } from '../core/find/detector-model.js';
import { sha256Of } from '../engine/model-files.js';
import { resolveFile } from '../engine/model-paths.js';
import { Download, type DownloadLimits, LIMITS, type OnProgress } from './download.js';

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
  return pullFile(directory, manifest.name, manifest.checkpoint, onProgress, limits);
}

/**
 * Downloads a detector's files, one after the other, as `pull` does.
 * @returns their paths
 */
export async function pullDetector(
  directory: string,
  { name, files }: DetectorManifest,
  onProgress: OnProgress,
  limits = LIMITS,
): Promise<string[]> {
  const paths: string[] = [];
  for (const file of Object.values(files)) {
    paths.push(await pullFile(directory, name, file, onProgress, limits));
  }
  return paths;
}

/** @param name of the model, for errors. */
async function pullFile(
  directory: string,
  name: string,
  file: DetectorFile,
  onProgress: OnProgress,
  limits: DownloadLimits,
): Promise<string> {
  const path = resolveFile(directory, file.file);
  if (existsSync(path)) {
    await check(path, file);
    return path;
  }
  if (!file.url) {
    throw new OperatorError(`the manifest of ${name} has no url to download ${path} from`);
  }
  await mkdir(dirname(path), { recursive: true });
  const download = new Download(file.url, path, { ...limits, bytes: file.bytes, onProgress });
  await download.run();
  await check(download.part, file).catch(async (error) => {
    await rm(download.part);
    throw error;
  });
  await rename(download.part, path);
  return path;
}

/** @throws OperatorError when a file is not the one that was promised */
async function check(path: string, { bytes, sha256 }: DetectorFile): Promise<void> {
  const { size } = statSync(path);
  if (bytes !== undefined && size !== bytes) {
    throw new OperatorError(`${path} has ${size} bytes, expected ${bytes}`);
  }
  if (sha256 === undefined) return;
  const actual = await sha256Of(path);
  if (actual !== sha256) {
    throw new OperatorError(`${path} has the sha256 ${actual}, expected ${sha256}`);
  }
}
