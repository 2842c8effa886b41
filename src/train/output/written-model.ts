import { existsSync } from 'node:fs';
import { access, constants, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../checkpoint/checkpoint.js';
import { writeSafetensors } from '../../checkpoint/write-safetensors.js';
import { OperatorError } from '../../core/errors.js';
import type { ModelManifest } from '../../core/family/model.js';
import { MODEL_NAME } from '../../core/family/model-name.js';
import type { LazyTensor } from '../../core/tensors/tensor-shapes.js';
import { type Model, sha256Of } from '../../engine/model-files.js';
import { toStateDict } from '../../sam/weights/state-dict.js';
import type { Weights } from '../../sam/weights/weights.js';

/** Where a model is written, and as what. */
export interface Target {
  /** Of the manifests. */
  readonly directory: string;
  readonly name: string;
}

const filesOf = ({ directory, name }: Target) => ({
  manifest: join(directory, `${name}.json`),
  weights: join(directory, `${name}.safetensors`),
});

/** @throws OperatorError when a model cannot be written there, before anything is computed for it */
export async function checkTarget(target: Target): Promise<void> {
  if (!MODEL_NAME.test(target.name)) {
    throw new OperatorError(`"${target.name}" cannot be a model's name: give it another --out`);
  }
  const taken = Object.values(filesOf(target)).find((file) => existsSync(file));
  if (taken) throw new OperatorError(`${taken} is there already: give this model another --out`);
  try {
    await access(target.directory, constants.W_OK);
  } catch (cause) {
    throw new OperatorError(`the folder of models ${target.directory} cannot be written to`, {
      cause,
    });
  }
}

/**
 * Writes a model that can be served: its weights as .safetensors by segment-anything's names, and its manifest. With a
 * base whose encoder is an ONNX file the weights are those of the prompt encoder and mask decoder, and the manifest
 * keeps that encoder; of a checkpoint, all tensors are written. The manifest comes last, so that there is no model
 * before all of it is there.
 * @param source what is said of where it comes from.
 */
export async function writeTrainedModel(
  target: Target,
  base: Model,
  weights: Weights,
  source: string,
): Promise<ModelManifest> {
  const files = filesOf(target);
  const { manifest } = base;
  const trained = [...toStateDict(weights)].map(
    ([name, { shape, data }]) => [name, { shape, read: () => data }] as const,
  );
  await withOthers(base, async (others) => {
    await writeSafetensors(files.weights, new Map([...others, ...trained]), { source });
  });
  const part = `${files.manifest}.part`;
  try {
    const file = { file: `${target.name}.safetensors`, sha256: await sha256Of(files.weights) };
    const title = `${manifest.title}, fine-tuned`;
    const card = { ...manifest, name: target.name, title, source };
    const written: ModelManifest =
      'checkpoint' in card ? { ...card, checkpoint: file } : { ...card, decoder: file };
    await writeFile(part, `${JSON.stringify(written, null, 2)}\n`);
    await rename(part, files.manifest);
    return written;
  } catch (error) {
    await Promise.all([part, files.weights].map((path) => rm(path, { force: true })));
    throw error;
  }
}

/** The tensors of a checkpoint while they can be read; none of a model in ONNX files. */
async function withOthers(
  { manifest, decoderPath }: Model,
  use: (others: ReadonlyMap<string, LazyTensor>) => Promise<void>,
): Promise<void> {
  if (!('checkpoint' in manifest)) return use(new Map());
  const checkpoint = openCheckpoint(decoderPath);
  try {
    await use(checkpoint.tensors);
  } finally {
    checkpoint.close();
  }
}
