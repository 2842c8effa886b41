import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { OperatorError } from '../core/errors.js';
import { MODEL_NAME } from '../core/family/model-name.js';
import {
  DETECTOR_FILES,
  type DetectorFileKind,
  type DetectorManifest,
} from '../core/find/detector-model.js';
import { inspectDetector } from '../engine/detector/checkpoint.js';
import { type DetectorPaths, readArchitecture } from '../engine/detector/files.js';
import { readTokenizer } from '../engine/detector/tokenizer.js';
import { sha256Of } from '../engine/model-files.js';
import { bring, type ImportOptions, nameOf } from './import.js';

/** CLIP's, of red, green and blue in 0..1. */
const PIXELS = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
/** What the original pads with; its `preprocessor_config.json` does not say. */
const PADDING = 0;

/**
 * Makes a model of a folder with a detector's files, as Hugging Face has them: reads all of its tensors and its
 * vocabulary, copies the files beside the manifests, and writes its manifest.
 * @throws OperatorError naming what does not fit
 */
export async function importDetector(
  directory: string,
  folder: string,
  options: ImportOptions,
): Promise<DetectorManifest> {
  const kinds = Object.entries(DETECTOR_FILES) as [DetectorFileKind, string][];
  const paths = Object.fromEntries(
    kinds.map(([kind, file]) => [kind, join(folder, file)]),
  ) as DetectorPaths;
  for (const path of Object.values(paths)) {
    if (!existsSync(path)) throw new OperatorError(`${path} is missing`);
  }
  const architecture = readArchitecture(paths.config);
  inspectDetector(paths.weights, architecture);
  readTokenizer(paths, architecture);

  const source = basename(resolve(folder));
  const { name = nameOf(source), title = source, license = 'unknown' } = options;
  if (!MODEL_NAME.test(name)) {
    throw new OperatorError(`"${name}" cannot be a model's name: give it one with --name`);
  }
  const manifestPath = join(directory, `${name}.json`);
  const known = existsSync(manifestPath) ? JSON.parse(await readFile(manifestPath, 'utf8')) : {};
  // The manifest of a model that is to be pulled: its files may be brought otherwise.
  const isAwaited = known.architecture === architecture.family && options.name === undefined;
  if (existsSync(manifestPath) && !isAwaited) {
    throw new OperatorError(`there is a model ${name} already: give this one another --name`);
  }
  await mkdir(join(directory, name), { recursive: true });
  const files: Record<string, { file: string; sha256: string }> = {};
  for (const [kind, file] of kinds) {
    files[kind] = { file: `${name}/${file}`, sha256: await sha256Of(paths[kind]) };
    await bring(paths[kind], join(directory, name, file));
  }
  if (isAwaited) return known;
  const manifest = {
    ...{ name, title, license, source, architecture: architecture.family },
    ...PIXELS,
    ...(architecture.family === 'owlv2' && { padding: PADDING }),
    files,
  } as unknown as DetectorManifest;
  await writeFile(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
