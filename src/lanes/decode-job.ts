import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import type { Embedding } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { Mask, PromptResult } from '../core/mask.js';
import type { ModelManifest } from '../core/model.js';
import type { Decoded, DecoderGraph, DecodeTask, Timings } from '../core/ports.js';
import { type LowResLogits, wantsMultimask } from '../core/prompt.js';
import { BYTES_PER_ELEMENT, readFloats } from '../core/tensor.js';
import {
  type ImageContext,
  LOGITS_PER_MASK,
  type MaskBatch,
  MaskDecoder,
  type PromptBatch,
} from '../engine/mask-decoder.js';
import type { SessionOptions } from '../engine/session.js';
import { makeMask } from '../masks/mask.js';
import { buildFastDecoder } from '../sam/fast-decoder.js';
import { buildContext } from '../sam/image-context.js';
import { type PromptTokens, promptTokens } from '../sam/prompt-tokens.js';
import type { Weights } from '../sam/weights.js';
import { type Outcome, settle } from './outcome.js';

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
  readonly session: SessionOptions;
  /** Images whose contexts a worker keeps. */
  readonly contexts: number;
}

const settings = Piscina.workerData as DecodeSettings;
const contexts = new LRUCache<string, ImageContext>({ max: settings.contexts });
const decoders = new Map<string, Promise<MaskDecoder>>();

/** The worker's decoder of a model; a worker that replaces a dead one opens it with its first task. */
function open(model: string): Promise<MaskDecoder> {
  const known = decoders.get(model);
  if (known) return known;
  const opened = MaskDecoder.open(modelOf(model).weights, settings.session);
  decoders.set(model, opened);
  // What failed is tried again by the next task.
  opened.catch(() => decoders.delete(model));
  return opened;
}

function modelOf(name: string): DecoderModel {
  const model = settings.models[name];
  if (!model) throw new Error(`there is no model "${name}"`);
  return model;
}

export function warmUp(model: string): Promise<Outcome<Provider>> {
  return settle(async () => {
    const network = await open(model);
    const context = await network.context(new Float32Array(256 * 64 * 64));
    const click = { coords: new Float32Array(4), labels: Float32Array.of(1, -1), prompts: 1 };
    await network.run(context, click, true);
    return network.provider;
  });
}

/** The decoder's graphs as files. */
export async function graph(graphs: readonly DecoderGraph[]): Promise<Outcome<Uint8Array>[]> {
  return graphs.map(({ model, part }) => {
    const { weights } = modelOf(model);
    if (part === 'context') return { value: buildContext(weights) };
    const withMask = part === 'decoder-with-mask';
    const variant = { order: 'tokens-first', answer: 'masks', withMask } as const;
    return { value: buildFastDecoder(weights, variant) };
  });
}

/** A task on its way through the decoder. */
interface Answering {
  readonly task: DecodeTask;
  readonly tokens: readonly PromptTokens[];
  readonly masks: readonly (Float32Array | undefined)[];
}

/**
 * Prompts -> low-resolution masks -> masks of the image's size. The tasks are about one image and of one `batchKey`,
 * and run together.
 */
export async function decode(tasks: readonly DecodeTask[]): Promise<Outcome<Decoded>[]> {
  const start = performance.now();
  const prepared = await Promise.all(tasks.map((task) => settle(async () => prepare(task))));
  const answering = prepared.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  const [first] = answering;
  if (!first) return prepared as Outcome<Decoded>[];
  const [{ prompt }] = first.task.prompts as [(typeof first.task.prompts)[0]];
  const multimask = wantsMultimask(prompt);
  const batch = batchOf(answering);
  const context = await contextOf(first.task.embedding);
  const ready = performance.now();
  const answer = await (await open(first.task.embedding.model)).run(context, batch, multimask);
  const timings = { context_ms: ready - start, decode_ms: performance.now() - ready };

  const masksEach = multimask ? 3 : 1;
  let next = 0;
  const outcomes: Outcome<Decoded>[] = [];
  for (const outcome of prepared) {
    if (!('value' in outcome)) {
      outcomes.push(outcome);
      continue;
    }
    const { task } = outcome.value;
    const from = next;
    next += task.prompts.length * masksEach;
    outcomes.push(await settle(() => finish(task, answer, from, masksEach, timings)));
  }
  return outcomes;
}

/** @throws SamError `prompt-invalid` for a bad `mask_input` */
function prepare(task: DecodeTask): Answering {
  const { embedding, prompts } = task;
  return {
    task,
    tokens: prompts.map(({ prompt }) => promptTokens(prompt, embedding.image)),
    masks: prompts.map(({ prompt, index }) =>
      prompt.mask_input ? readMaskInput(prompt.mask_input, index) : undefined,
    ),
  };
}

function batchOf(answering: readonly Answering[]): PromptBatch {
  const tokens = answering.flatMap((each) => each.tokens);
  const masks = answering.flatMap((each) => each.masks).filter((mask) => mask !== undefined);
  return {
    coords: concat(tokens.map(({ coords }) => coords)),
    labels: concat(tokens.map(({ labels }) => labels)),
    maskInput: masks.length > 0 ? concat(masks) : undefined,
    prompts: tokens.length,
  };
}

/** The context of an image, computed when it is asked about for the first time. */
async function contextOf({ id, model, fingerprint, tensor }: Embedding): Promise<ImageContext> {
  const key = `${fingerprint}/${id}`;
  const known = contexts.get(key);
  if (known) return known;
  const context = await (await open(model)).context(readFloats(tensor.bytes, tensor.dtype));
  contexts.set(key, context);
  return context;
}

/** The masks of a task, which begin at place `from` of the answer. */
async function finish(
  { prompts, embedding, options }: DecodeTask,
  { lowResMasks, iouPredictions }: MaskBatch,
  from: number,
  masksEach: number,
  timings: Timings,
): Promise<Decoded> {
  const start = performance.now();
  const { image_size } = modelOf(embedding.model).manifest;
  const results: PromptResult[] = [];
  for (let at = from; results.length < prompts.length; at += masksEach) {
    const masks: Mask[] = [];
    for (let mask = at; mask < at + masksEach; mask++) {
      const logits = lowResMasks.subarray(mask * LOGITS_PER_MASK, (mask + 1) * LOGITS_PER_MASK);
      const iou = iouPredictions[mask] as number;
      masks.push(await makeMask(logits, iou, embedding.image, image_size, options));
    }
    results.push({ masks: masks.sort((a, b) => b.predicted_iou - a.predicted_iou) });
  }
  return { results, timings: { ...timings, masks_ms: performance.now() - start } };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @throws SamError `prompt-invalid` when it is not 256x256 finite numbers */
function readMaskInput({ dtype, data }: LowResLogits, index: number): Float32Array {
  const path = `/prompts/${index}/mask_input/data`;
  const bytes = Buffer.from(data, 'base64');
  const expected = LOGITS_PER_MASK * BYTES_PER_ELEMENT[dtype];
  // The decoder skips what is not base64, so the length of the text has to fit as well.
  if (bytes.length !== expected || data.length !== Math.ceil(expected / 3) * 4) {
    throw invalid(path, `must be base64 of 256x256 ${dtype} numbers, ${expected} bytes`);
  }
  const logits = readFloats(bytes, dtype);
  if (!logits.every(Number.isFinite)) throw invalid(path, 'must hold finite numbers only');
  return logits;
}

function invalid(path: string, message: string): SamError {
  return new SamError('prompt-invalid', `${path} ${message}`, { violations: [{ path, message }] });
}
