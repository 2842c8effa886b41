import type { Provider } from '../../core/device.js';
import { FAMILY_TRAITS } from '../../core/family/family.js';
import { familyOf, frameOf, type ModelManifest } from '../../core/family/model.js';
import { collectGarbage } from '../../core/garbage.js';
import type { FoundMask, UncutMask } from '../../core/mask.js';
import type { Decoded, DecoderGraph, DecodeTask, Timings } from '../../core/ports.js';
import { masksPerPrompt } from '../../core/prompt.js';
import { concat } from '../../core/tensors/tensor.js';
import type { EmbeddingFloats, LowResMask, PromptBatch } from '../../engine/mask-decoder.js';
import { readMaskInput } from '../../masks/mask-input.js';
import { EMBEDDING_TENSORS } from '../../sam/architecture.js';
import { buildDecoder } from '../../sam/decoder/decoder.js';
import { buildContext } from '../../sam/decoder/image-context.js';
import { type PromptTokens, promptTokens } from '../../sam/decoder/prompt-tokens.js';
import { contextOf, modelOf, open } from './decoders.js';
import { findMask, uncutMask } from './mask-tasks.js';
import { type Outcome, settle } from './outcome.js';
import { sliceIsOver } from './slice.js';

export { candidates, choose, render, suppress, tidy } from './everything-tasks.js';
export { cut, write } from './mask-tasks.js';

export function load(model: string): Promise<Outcome<Provider>> {
  return settle(async () => (await open(model)).provider);
}

export function warmUp(model: string): Promise<Outcome<void>> {
  return settle(async () => {
    const network = await open(model);
    await network.warmUp(nothingOf(modelOf(model).manifest));
    // What the network was made from, and what it made.
    collectGarbage();
  });
}

/** An embedding of zeros. */
function nothingOf({ architecture }: ModelManifest): EmbeddingFloats {
  const zeros = Object.entries(EMBEDDING_TENSORS[familyOf(architecture)]).map(([name, shape]) => {
    const length = shape.reduce((product: number, side) => product * side, 1);
    return [name, { shape, data: new Float32Array(length) }] as const;
  });
  return Object.fromEntries(zeros);
}

/** The decoder's graphs as files. */
export async function graph(graphs: readonly DecoderGraph[]): Promise<Outcome<Uint8Array>[]> {
  return graphs.map(({ model, part }) => {
    const { weights } = modelOf(model);
    if (part === 'context') return { value: buildContext(weights) };
    const withMask = part === 'decoder-with-mask';
    const variant = { order: 'tokens-first', answer: 'masks', withMask } as const;
    return { value: buildDecoder(weights, variant) };
  });
}

/** A task on its way through the decoder. */
interface Answering {
  readonly task: DecodeTask;
  readonly tokens: readonly PromptTokens[];
  readonly masks: readonly (Float32Array | undefined)[];
}

/**
 * Prompts -> low-resolution masks -> masks of the image's size. The tasks are about one image and of one `batch`, and
 * run together.
 */
export async function decode(tasks: readonly DecodeTask[]): Promise<Outcome<Decoded>[]> {
  const start = performance.now();
  const prepared = await Promise.all(tasks.map((task) => settle(() => prepare(task))));
  const answering = prepared.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  const [first] = answering;
  if (!first) return prepared as Outcome<Decoded>[];
  const { multimask } = first.task;
  const batch = batchOf(answering);
  const { context, made } = await contextOf(first.task.embedding);
  const ready = performance.now();
  const masks = await (await open(first.task.embedding.model)).run(context, batch, multimask);
  const timings = {
    ...(made && { context_ms: ready - start }),
    decode_ms: performance.now() - ready,
  };

  const masksEach = masksPerPrompt(multimask);
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
    const own = masks.slice(from, next);
    outcomes.push(await settle(() => finish(task, own, masksEach, timings)));
  }
  return outcomes;
}

/** @throws SamError `prompt-invalid` for a bad `mask_input` */
async function prepare(task: DecodeTask): Promise<Answering> {
  const { prompts } = task;
  const { image, model } = task.embedding;
  const { manifest } = modelOf(model);
  const frame = frameOf(manifest);
  const layout = FAMILY_TRAITS[familyOf(manifest.architecture)].prompt;
  return {
    task,
    tokens: prompts.map(({ prompt }) => promptTokens(prompt, image, frame, layout)),
    masks: await Promise.all(
      prompts.map(({ prompt: { mask_input, point_coords = [], box }, index }) => {
        if (!mask_input) return undefined;
        const path = `/prompts/${index}/mask_input`;
        const alone = point_coords.length === 0 && !box;
        return readMaskInput(mask_input, image, frame, path, alone);
      }),
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

/** @param lowRes the masks of a task's prompts, prompt by prompt. */
async function finish(
  { prompts, embedding: { image, model }, options }: DecodeTask,
  lowRes: readonly LowResMask[],
  masksEach: number,
  timings: Timings,
): Promise<Decoded> {
  const start = performance.now();
  const { manifest } = modelOf(model);
  const results: (FoundMask | UncutMask)[][] = [];
  for (let from = 0; results.length < prompts.length; from += masksEach) {
    const best = lowRes.slice(from, from + masksEach);
    best.sort((a, b) => b.predictedIou - a.predictedIou);
    const masks: (FoundMask | UncutMask)[] = [];
    for (const { logits, predictedIou } of best) {
      masks.push(
        sliceIsOver(start)
          ? uncutMask(logits, predictedIou)
          : await findMask(logits, predictedIou, image, manifest, options),
      );
    }
    results.push(masks);
  }
  return { results, timings: { ...timings, masks_ms: performance.now() - start } };
}
