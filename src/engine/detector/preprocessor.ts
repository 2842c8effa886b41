import { existsSync } from 'node:fs';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { readRegularFile } from '../../checkpoint/regular-file.js';
import { OperatorError } from '../../core/errors.js';
import type { DetectorManifest } from '../../core/find/detector-model.js';
import { LARGEST_TEXT, named } from './files.js';

type Normalisation = Pick<DetectorManifest, 'image_mean' | 'image_std'>;

/** CLIP's, of red, green and blue in 0..1. */
const CLIP: Normalisation = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};

const channels = (value = Type.Number()) =>
  Type.Optional(Type.Array(value, { minItems: 3, maxItems: 3 }));
const Preprocessor = Compile(
  Type.Object({
    image_mean: channels(),
    image_std: channels(Type.Number({ exclusiveMinimum: 0 })),
  }),
);

/**
 * The normalisation that a `preprocessor_config.json` tells; CLIP's, which all published models have, where there is none or
 * it does not say.
 * @throws OperatorError
 */
export function readNormalisation(path: string): Normalisation {
  if (!existsSync(path)) return CLIP;
  const content = named(path, () => JSON.parse(readRegularFile(path, LARGEST_TEXT)) as unknown);
  if (!Preprocessor.Check(content)) {
    throw new OperatorError(
      `${path}: image_mean and image_std must be three numbers each, the latter above 0`,
    );
  }
  const { image_mean = CLIP.image_mean, image_std = CLIP.image_std } = content;
  return { image_mean, image_std };
}
