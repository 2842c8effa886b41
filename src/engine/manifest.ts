import { join } from 'node:path';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { readRegularFile } from '../checkpoint/regular-file.js';
import { OperatorError } from '../core/errors.js';
import { RESIZES } from '../core/family/family.js';
import {
  CHECKPOINT_ARCHITECTURES,
  GRAPH_ARCHITECTURES,
  type ModelManifest,
  weightFiles,
} from '../core/family/model.js';
import { MODEL_NAME } from '../core/family/model-name.js';
import { parseModelPath } from './model-paths.js';

/** Of a manifest, in bytes. */
const LARGEST = 2 ** 20;

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
  name: Type.String({ pattern: MODEL_NAME.source }),
  title: Type.String(),
  license: Type.String(),
  source: Type.String(),
  image_size: Type.Literal(1024),
  pixel_mean: Channels,
  pixel_std: Channels,
  resize: Type.Optional(Type.Union(RESIZES.map((name) => Type.Literal(name)))),
};
const Count = Type.Integer({ minimum: 1, maximum: 1024 });
const Hiera = Type.Object(
  {
    num_heads: Count,
    window_spec: Type.Array(Count, { minItems: 4, maxItems: 4 }),
    global_att_blocks: Type.Array(Type.Integer({ minimum: 0, maximum: 255 })),
  },
  { additionalProperties: false },
);
const [mobileSam] = GRAPH_ARCHITECTURES;
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
      architecture: Type.Union(CHECKPOINT_ARCHITECTURES.map((name) => Type.Literal(name))),
      checkpoint: Checkpoint,
      hiera: Type.Optional(Hiera),
    },
    { additionalProperties: false },
  ),
);

/**
 * Reads `<directory>/<name>.json`.
 * @throws OperatorError saying what is missing or malformed.
 */
export async function readManifest(directory: string, name: string): Promise<ModelManifest> {
  if (!MODEL_NAME.test(name))
    throw new OperatorError(`${JSON.stringify(name)} is not a model's name`);
  const path = join(directory, `${name}.json`);
  let content: unknown;
  try {
    content = JSON.parse(readRegularFile(path, LARGEST));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new OperatorError(`cannot read the model manifest ${path}: ${reason}`, { cause });
  }
  const manifest = check(content, path);
  const { encoder, decoder } = weightFiles(manifest);
  for (const { file } of [encoder, decoder]) {
    try {
      parseModelPath(file);
    } catch (cause) {
      throw new OperatorError(`${path}: ${(cause as Error).message}`, { cause });
    }
  }
  if (manifest.name !== name) {
    throw new OperatorError(`${path} is the manifest of "${manifest.name}", not of "${name}"`);
  }
  return manifest;
}

function check(content: unknown, path: string): ModelManifest {
  if (GraphManifest.Check(content)) return content;
  if (CheckpointManifest.Check(content)) return content;
  const isCheckpoint = typeof content === 'object' && content !== null && 'checkpoint' in content;
  const [error] = (isCheckpoint ? CheckpointManifest : GraphManifest).Errors(content);
  throw new OperatorError(
    `${path}${error?.instancePath ?? ''} ${error?.message ?? 'is malformed'}`,
  );
}
