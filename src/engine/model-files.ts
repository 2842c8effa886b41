import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { StartupError } from '../core/errors.js';
import type { ModelFile, ModelManifest } from '../core/model.js';

/** A manifest whose files are present and unaltered. */
export interface Model {
  readonly manifest: ModelManifest;
  readonly encoderPath: string;
  readonly decoderPath: string;
}

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const File = Type.Object(
  { file: Type.String({ minLength: 1 }), sha256: Sha256 },
  { additionalProperties: false },
);
const Channels = Type.Tuple([Type.Number(), Type.Number(), Type.Number()]);
const Manifest = Compile(
  Type.Object(
    {
      name: Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,63}$' }),
      title: Type.String(),
      license: Type.String(),
      source: Type.String(),
      architecture: Type.Literal('mobile_sam'),
      image_size: Type.Literal(1024),
      pixel_mean: Channels,
      pixel_std: Channels,
      encoder: File,
      decoder: File,
    },
    { additionalProperties: false },
  ),
);

/**
 * Reads `<directory>/<name>.json` and checks the files it names against their hashes.
 * @throws StartupError saying which file is missing, altered or malformed.
 */
export async function loadModel(directory: string, name: string): Promise<Model> {
  const manifestPath = join(directory, `${name}.json`);
  const manifest = await readManifest(manifestPath);
  if (manifest.name !== name) {
    throw new StartupError(
      `${manifestPath} is the manifest of "${manifest.name}", not of "${name}"`,
    );
  }
  const [encoderPath, decoderPath] = await Promise.all([
    verify(directory, manifest.encoder),
    verify(directory, manifest.decoder),
  ]);
  return { manifest, encoderPath, decoderPath };
}

async function readManifest(path: string): Promise<ModelManifest> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new StartupError(`cannot read the model manifest ${path}: ${reason(cause)}`, { cause });
  }
  if (!Manifest.Check(content)) {
    const [error] = Manifest.Errors(content);
    throw new StartupError(
      `${path}${error?.instancePath ?? ''} ${error?.message ?? 'is malformed'}`,
    );
  }
  return content;
}

/** The path of a model file that exists and has the promised hash. */
async function verify(directory: string, { file, sha256 }: ModelFile): Promise<string> {
  const path = resolveFile(directory, file);
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw new StartupError(`model file ${path} cannot be read: ${reason(cause)}`, { cause });
  }
  const actual = hash.digest('hex');
  if (actual !== sha256) {
    throw new StartupError(
      `model file ${path} is not the one its manifest names: sha256 ${actual}, expected ${sha256}`,
    );
  }
  return path;
}

function resolveFile(directory: string, file: string): string {
  const separator = file.indexOf(':');
  if (separator < 0) return join(directory, file);
  const [name, path] = [file.slice(0, separator), file.slice(separator + 1)];
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path);
  } catch (cause) {
    throw new StartupError(`model package "${name}" is not installed: run npm ci`, { cause });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
