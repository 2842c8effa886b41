import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import type { Embedding } from '../core/embedding.js';
import type {
  Candidate,
  Candidates,
  CandidatesTask,
  EverythingMask,
  RenderTask,
  SelectTask,
  Tidied,
  TidyTask,
} from '../core/everything.js';
import type { ModelManifest } from '../core/model.js';
import type { Decoded, DecodedMask, DecoderGraph, DecodeTask, Timings } from '../core/ports.js';
import { type Point, wantsMultimask } from '../core/prompt.js';
import { readFloats, type Tensor } from '../core/tensor.js';
import {
  type ImageContext,
  LOGITS_PER_MASK,
  type MaskBatch,
  MaskDecoder,
  type PromptBatch,
} from '../engine/mask-decoder.js';
import type { SessionOptions } from '../engine/session.js';
import { candidateOf, renderCandidates, selectCandidates, tidyMasks } from '../masks/candidates.js';
import { makeMask } from '../masks/mask.js';
import { readMaskInput } from '../masks/mask-input.js';
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

/** An ambiguous prompt has three masks. */
const MASKS_OF_A_POINT = 3;

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

export function load(model: string): Promise<Outcome<Provider>> {
  return settle(async () => (await open(model)).provider);
}

export function warmUp(model: string): Promise<Outcome<void>> {
  return settle(async () => {
    const network = await open(model);
    const context = await network.context(new Float32Array(256 * 64 * 64));
    const click = { coords: new Float32Array(4), labels: Float32Array.of(1, -1), prompts: 1 };
    await network.run(context, click, true);
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
  const prepared = await Promise.all(tasks.map((task) => settle(() => prepare(task))));
  const answering = prepared.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  const [first] = answering;
  if (!first) return prepared as Outcome<Decoded>[];
  const [{ prompt }] = first.task.prompts as [(typeof first.task.prompts)[0]];
  const multimask = wantsMultimask(prompt);
  const batch = batchOf(answering);
  const { context, made } = await contextOf(first.task.embedding);
  const ready = performance.now();
  const answer = await (await open(first.task.embedding.model)).run(context, batch, multimask);
  const timings = {
    ...(made && { context_ms: ready - start }),
    decode_ms: performance.now() - ready,
  };

  const masksEach = multimask ? MASKS_OF_A_POINT : 1;
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
async function prepare(task: DecodeTask): Promise<Answering> {
  const { prompts } = task;
  const { image, model } = task.embedding;
  const { image_size } = modelOf(model).manifest;
  return {
    task,
    tokens: prompts.map(({ prompt }) => promptTokens(prompt, image)),
    masks: await Promise.all(
      prompts.map(({ prompt: { mask_input }, index }) =>
        mask_input
          ? readMaskInput(mask_input, image, image_size, `/prompts/${index}/mask_input`)
          : undefined,
      ),
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

/** The context of an image, made when it is asked about for the first time. */
async function contextOf({
  id,
  model,
  fingerprint,
  tensor,
}: Embedding): Promise<{ context: ImageContext; made: boolean }> {
  const key = `${fingerprint}/${id}`;
  const known = contexts.get(key);
  if (known) return { context: known, made: false };
  const context = await (await open(model)).context(readFloats(tensor.bytes, tensor.dtype));
  contexts.set(key, context);
  return { context, made: true };
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
  const results: DecodedMask[][] = [];
  for (let at = from; results.length < prompts.length; at += masksEach) {
    const masks: DecodedMask[] = [];
    for (let place = at; place < at + masksEach; place++) {
      const logits = lowResMasks.subarray(place * LOGITS_PER_MASK, (place + 1) * LOGITS_PER_MASK);
      const iou = iouPredictions[place] as number;
      const mask = await makeMask(logits, iou, embedding.image, image_size, options);
      masks.push(options.keepLogits ? { ...mask, logits: share(logits) } : mask);
    }
    results.push(masks.sort((a, b) => b.predicted_iou - a.predicted_iou));
  }
  return { results, timings: { ...timings, masks_ms: performance.now() - start } };
}

/** Points of grids -> those of their masks that pass the thresholds. */
export function candidates(tasks: readonly CandidatesTask[]): Promise<Outcome<Candidates>[]> {
  return Promise.all(tasks.map((task) => settle(() => candidatesOf(task))));
}

async function candidatesOf(task: CandidatesTask): Promise<Candidates> {
  const start = performance.now();
  const { embedding, crop, points, parameters } = task;
  const tokens = points.map(([x, y]) => {
    const prompt = { point_coords: [[x - crop[0], y - crop[1]]], point_labels: [1] } as const;
    return promptTokens(prompt, embedding.image);
  });
  const batch = {
    coords: concat(tokens.map(({ coords }) => coords)),
    labels: concat(tokens.map(({ labels }) => labels)),
    prompts: points.length,
  };
  const network = await open(embedding.model);
  const { context } = await contextOf(embedding);
  const likely = await network.candidates(context, batch, parameters.pred_iou_thresh);
  const decoded = performance.now();
  const { image_size } = modelOf(embedding.model).manifest;
  const found: Candidate[] = [];
  for (const [i, token] of likely.tokens.entries()) {
    const logits = likely.lowResMasks.subarray(i * LOGITS_PER_MASK, (i + 1) * LOGITS_PER_MASK);
    const point = points[Math.floor(token / MASKS_OF_A_POINT)] as Point;
    const iou = likely.iouPredictions[i] as number;
    const candidate = candidateOf(logits, iou, point, task, image_size);
    if (candidate) found.push(candidate);
  }
  const timings = { decode_ms: decoded - start, masks_ms: performance.now() - decoded };
  return { candidates: found, timings };
}

export function select(tasks: readonly SelectTask[]): Promise<Outcome<readonly number[]>[]> {
  return Promise.all(tasks.map((task) => settle(async () => selectCandidates(task))));
}

export function tidy(tasks: readonly TidyTask[]): Promise<Outcome<Tidied>[]> {
  return Promise.all(tasks.map((task) => settle(async () => tidyMasks(task))));
}

export function render(
  tasks: readonly RenderTask[],
): Promise<Outcome<readonly EverythingMask[]>[]> {
  return Promise.all(tasks.map((task) => settle(() => renderCandidates(task))));
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

/** Logits [256,256] in memory of their own that every thread reads. */
function share(logits: Float32Array): Tensor {
  const bytes = new Uint8Array(new SharedArrayBuffer(logits.byteLength));
  new Float32Array(bytes.buffer).set(logits);
  return { dtype: 'float32', shape: [256, 256], bytes };
}
