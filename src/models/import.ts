import { constants, existsSync } from 'node:fs';
import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { OperatorError } from '../core/errors.js';
import { FAMILY_TRAITS } from '../core/family/family.js';
import { familyOf, type HieraConfig, type ModelManifest } from '../core/family/model.js';
import { MODEL_NAME } from '../core/family/model-name.js';
import { inspectCheckpoint } from '../engine/checkpoint-model.js';
import { sha256Of } from '../engine/model-files.js';
import { resolveFile } from '../engine/model-paths.js';
import { manifests } from './catalogue.js';

/** What the user may add about a model: a checkpoint does not contain it. */
export interface ImportOptions {
  /** By default from the file's name. */
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly license?: string | undefined;
  /** Of a SAM 2 whose sizes nobody published. */
  readonly hiera?: HieraConfig | undefined;
}

/** The preprocessing that SAM and SAM 2 were trained with. */
const PIXELS = {
  image_size: 1024,
  pixel_mean: [123.675, 116.28, 103.53],
  pixel_std: [58.395, 57.12, 57.375],
} as const;

/**
 * Makes a model from a checkpoint: recognises it, reads all its tensors, copies the file beside the manifests
 * unless it is there, and writes its manifest. A file that a manifest already names becomes that model's.
 * @throws OperatorError naming what does not fit
 */
export async function importCheckpoint(
  directory: string,
  file: string,
  options: ImportOptions,
): Promise<ModelManifest> {
  const { hiera } = options;
  const { architecture } = inspectCheckpoint(file, hiera);
  const sha256 = await sha256Of(file);
  for (const known of options.name === undefined ? await manifests(directory) : []) {
    if (!('checkpoint' in known) || known.checkpoint.sha256 !== sha256) continue;
    await bring(file, resolveFile(directory, known.checkpoint.file));
    return known;
  }
  const { name = nameOf(file), title = basename(file), license = 'unknown' } = options;
  if (!MODEL_NAME.test(name)) {
    throw new OperatorError(`"${name}" cannot be a model's name: give it one with --name`);
  }
  const manifestPath = join(directory, `${name}.json`);
  if (existsSync(manifestPath)) {
    throw new OperatorError(`there is a model ${name} already: give this one another --name`);
  }
  const [extension = ''] = /^\.\w{1,16}$/.exec(extname(file)) ?? [];
  const checkpoint = { file: `${name}${extension}`, sha256 };
  await bring(file, resolveFile(directory, checkpoint.file));
  const source = basename(file);
  const { resize } = FAMILY_TRAITS[familyOf(architecture)];
  const manifest = {
    ...{ name, title, license, source, architecture },
    ...PIXELS,
    ...(resize !== 'longest_side' && { resize }),
    checkpoint,
    ...(hiera && { hiera }),
  };
  await writeFile(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Copies a file whole or not at all. File systems that can share blocks use no space for it. */
export async function bring(file: string, target: string): Promise<void> {
  if (resolve(file) === resolve(target)) return;
  if (existsSync(target)) throw new OperatorError(`${target} is there already`);
  const part = `${target}.part`;
  try {
    await copyFile(file, part, constants.COPYFILE_FICLONE);
    await rename(part, target);
  } catch (cause) {
    await rm(part, { force: true });
    const reason = (cause as Error).message;
    throw new OperatorError(`cannot copy ${file} to ${dirname(target)}: ${reason}`, { cause });
  }
}

export function nameOf(file: string): string {
  return basename(file, extname(file))
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, '_');
}
