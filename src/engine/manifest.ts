import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { StartupError } from '../core/errors.js';
import { ARCHITECTURES, type ModelManifest } from '../core/model.js';

const FILE = {
  file: Type.String({ minLength: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
};
const File = Type.Object(FILE, { additionalProperties: false });
const Checkpoint = Type.Object(
  {
    ...FILE,
    bytes: Type.Optional(Type.Integer({ minimum: 1 })),
    url: Type.Optional(Type.String({ pattern: '^https?://' })),
  },
  { additionalProperties: false },
);
const Channels = Type.Tuple([Type.Number(), Type.Number(), Type.Number()]);
const CARD = {
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,63}$' }),
  title: Type.String(),
  license: Type.String(),
  source: Type.String(),
  image_size: Type.Literal(1024),
  pixel_mean: Channels,
  pixel_std: Channels,
};
const [mobileSam, ...vits] = ARCHITECTURES;
const GraphManifest = Compile(
  Type.Object(
    { ...CARD, architecture: Type.Literal(mobileSam), encoder: File, decoder: File },
    { additionalProperties: false },
  ),
);
const CheckpointManifest = Compile(
  Type.Object(
    {
      ...CARD,
      architecture: Type.Union(vits.map((name) => Type.Literal(name))),
      checkpoint: Checkpoint,
    },
    { additionalProperties: false },
  ),
);

/**
 * Reads `<directory>/<name>.json`.
 * @throws StartupError saying what is missing or malformed.
 */
export async function readManifest(directory: string, name: string): Promise<ModelManifest> {
  const path = join(directory, `${name}.json`);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new StartupError(`cannot read the model manifest ${path}: ${reason}`, { cause });
  }
  const manifest = check(content, path);
  if (manifest.name !== name) {
    throw new StartupError(`${path} is the manifest of "${manifest.name}", not of "${name}"`);
  }
  return manifest;
}

function check(content: unknown, path: string): ModelManifest {
  if (GraphManifest.Check(content)) return content;
  if (CheckpointManifest.Check(content)) return content;
  const isCheckpoint = typeof content === 'object' && content !== null && 'checkpoint' in content;
  const [error] = (isCheckpoint ? CheckpointManifest : GraphManifest).Errors(content);
  throw new StartupError(`${path}${error?.instancePath ?? ''} ${error?.message ?? 'is malformed'}`);
}
