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
import { readNormalisation } from '../engine/detector/preprocessor.js';
import { readTokenizer } from '../engine/detector/tokenizer.js';
import { sha256Of } from '../engine/model-files.js';
import { bring, type ImportOptions, nameOf } from './import.js';

/** What the original pads with; its `preprocessor_config.json` does not say. */
const PADDING = 0;

const KINDS = Object.entries(DETECTOR_FILES) as [DetectorFileKind, string][];

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
  const paths = pathsIn(folder);
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
  const isAwaited =
    known.architecture === architecture.family &&
    options.name === undefined &&
    !existsSync(join(directory, name, DETECTOR_FILES.weights));
  if (existsSync(manifestPath) && !isAwaited) {
    throw new OperatorError(`there is a model ${name} already: give this one another --name`);
  }
  const files: Record<string, { file: string; sha256: string }> = {};
  for (const [kind, file] of KINDS) {
    const sha256 = await sha256Of(paths[kind]);
    if (isAwaited && (known.files?.[kind]?.sha256 ?? sha256) !== sha256) {
      throw new OperatorError(
        `${paths[kind]} is not the file of ${name}: give this one another --name`,
      );
    }
    files[kind] = { file: `${name}/${file}`, sha256 };
  }
  const pixels = readNormalisation(join(folder, 'preprocessor_config.json'));
  await mkdir(join(directory, name), { recursive: true });
  for (const [kind, file] of KINDS) {
    const target = join(directory, name, file);
    // A download or an import that was cut has left it.
    const isThere = existsSync(target) && (await sha256Of(target)) === files[kind]?.sha256;
    if (!isThere) await bring(paths[kind], target);
  }
  if (isAwaited) return known;
  const manifest = {
    ...{ name, title, license, source, architecture: architecture.family },
    ...pixels,
    ...(architecture.family === 'owlv2' && { padding: PADDING }),
    files,
  } as unknown as DetectorManifest;
  await writeFile(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** @throws OperatorError naming the first file that is not there */
function pathsIn(folder: string): DetectorPaths {
  const paths = KINDS.map(([kind, file]) => [kind, join(folder, file)] as const);
  const [, missing] = paths.find(([, path]) => !existsSync(path)) ?? [];
  if (missing === undefined) return Object.fromEntries(paths) as DetectorPaths;
  const all = Object.values(DETECTOR_FILES).join(', ');
  throw new OperatorError(
    `${missing} is missing: the folder of a detector has ${all}, as Hugging Face has them; of a SAM name its file`,
  );
}
