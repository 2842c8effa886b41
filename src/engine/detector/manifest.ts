import { join } from 'node:path';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { readRegularFile } from '../../checkpoint/regular-file.js';
import { OperatorError } from '../../core/errors.js';
import { MODEL_NAME } from '../../core/family/model-name.js';
import { DETECTORS, type DetectorManifest } from '../../core/find/detector-model.js';
import { parseModelPath } from '../model-paths.js';

/** Of a manifest, in bytes. */
const LARGEST = 2 ** 20;

const File = Type.Object(
  {
    file: Type.String({ minLength: 1 }),
    sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
    bytes: Type.Optional(Type.Integer({ minimum: 1 })),
    url: Type.Optional(Type.String({ pattern: '^https?://' })),
  },
  { additionalProperties: false },
);
const Channels = Type.Array(Type.Number(), { minItems: 3, maxItems: 3 });
const Manifest = Compile(
  Type.Object(
    {
      name: Type.String({ pattern: MODEL_NAME.source }),
      title: Type.String(),
      license: Type.String(),
      source: Type.String(),
      architecture: Type.Union(DETECTORS.map((name) => Type.Literal(name))),
      image_mean: Channels,
      image_std: Channels,
      padding: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      files: Type.Object(
        { weights: File, config: File, vocabulary: File, merges: File },
        { additionalProperties: false },
      ),
    },
    { additionalProperties: false },
  ),
);

/**
 * Reads `<directory>/<name>.json`, the manifest of a detector.
 * @throws OperatorError saying what is missing or malformed
 */
export function readDetectorManifest(directory: string, name: string): DetectorManifest {
  if (!MODEL_NAME.test(name)) {
    throw new OperatorError(`${JSON.stringify(name)} is not a model's name`);
  }
  const path = join(directory, `${name}.json`);
  let content: unknown;
  try {
    content = JSON.parse(readRegularFile(path, LARGEST));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new OperatorError(`cannot read the model manifest ${path}: ${reason}`, { cause });
  }
  if (!isDetector(content)) {
    throw new OperatorError(`${path} is no model that finds things by text`);
  }
  if (!Manifest.Check(content)) {
    const [error] = Manifest.Errors(content);
    throw new OperatorError(`${path}${error?.instancePath ?? ''} ${error?.message ?? ''}`);
  }
  if (content.name !== name) {
    throw new OperatorError(`${path} is the manifest of "${content.name}", not of "${name}"`);
  }
  for (const { file } of Object.values(content.files)) parseModelPath(file);
  return content;
}

/** Whether the content of a manifest is meant for a detector, well or badly. */
export function isDetector(content: unknown): boolean {
  if (typeof content !== 'object' || content === null) return false;
  const { architecture } = content as { architecture?: unknown };
  return (DETECTORS as readonly unknown[]).includes(architecture);
}
