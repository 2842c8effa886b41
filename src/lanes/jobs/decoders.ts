import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';
import { type Embedding, entryName } from '../../core/embedding.js';
import type { ModelManifest } from '../../core/family/model.js';
import { onceEach } from '../../core/once-each.js';
import { readFloats } from '../../core/tensors/tensor.js';
import { type DecoderOptions, type ImageContext, MaskDecoder } from '../../engine/mask-decoder.js';
import type { Weights } from '../../sam/weights/weights.js';

/** A model of the decode lane. */
export interface DecoderModel {
  readonly manifest: ModelManifest;
  /** Of the prompt encoder and mask decoder. */
  readonly weights: Weights;
}

/** What a worker of the decode lane is given when it starts. */
export interface DecodeSettings {
  /** By name. */
  readonly models: Readonly<Record<string, DecoderModel>>;
  readonly session: DecoderOptions;
  /** Images whose contexts a worker keeps. */
  readonly contexts: number;
}

const settings = Piscina.workerData as DecodeSettings;
const contexts = new LRUCache<string, ImageContext>({ max: settings.contexts });

/** The worker's decoder of a model; a worker that replaces a dead one opens it with its first task. */
export const open = onceEach((model: string) =>
  MaskDecoder.open(modelOf(model).weights, settings.session),
);

export function modelOf(name: string): DecoderModel {
  const model = settings.models[name];
  if (!model) throw new Error(`there is no model "${name}"`);
  return model;
}

/** The context of an image, made when it is asked about for the first time. */
export async function contextOf(
  embedding: Embedding,
): Promise<{ context: ImageContext; made: boolean }> {
  const key = entryName(embedding);
  const known = contexts.get(key);
  if (known) return { context: known, made: false };
  const floats = Object.entries(embedding.tensors).map(
    ([name, { bytes, dtype, shape }]) => [name, { data: readFloats(bytes, dtype), shape }] as const,
  );
  const context = await (await open(embedding.model)).context(Object.fromEntries(floats));
  contexts.set(key, context);
  return { context, made: true };
}
