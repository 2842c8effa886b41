import { Piscina } from 'piscina';
import type { Provider } from '../../core/device.js';
import type { ImageSize, RgbImage } from '../../core/image.js';
import type { ModelManifest } from '../../core/model.js';
import type { Timings } from '../../core/ports.js';
import type { Box, Prompt } from '../../core/prompt.js';
import { normalise } from '../../image/preprocess.js';
import { ImageChild } from '../images/image-child.js';
import { moved } from './moved.js';
import { type Outcome, settle } from './outcome.js';
import { lowerPriority } from './priority.js';

/** What a worker that looks at images is given when it starts. */
export interface ImageSettings {
  /** By name. */
  readonly models: Readonly<Record<string, { readonly manifest: ModelManifest }>>;
  readonly image: {
    readonly maxPixels: number;
    /** How long anything with an image may take. */
    readonly timeoutMs: number;
  };
}

interface ImageTask {
  readonly image: Uint8Array;
  /** Shared memory: not 0 once nobody waits for the task any more. */
  readonly left: Int32Array;
}

/** An image for a model, or a part of it. */
export interface PrepareTask extends ImageTask {
  readonly model: string;
  readonly crop?: Box;
}

/** A photograph with masks, as COCO's compressed strings, to be drawn on with their prompts. */
export interface DrawTask extends ImageTask {
  readonly masks: readonly string[];
  readonly prompts: readonly Prompt[];
}

/** A photograph to be cut: masks as above. */
export interface CutTask extends ImageTask {
  readonly masks: readonly string[];
}

/** An image as the network takes it, and what became of its file. */
export interface Prepared {
  readonly model: string;
  readonly image: ImageSize;
  /** [3,S,S] */
  readonly input: Float32Array<ArrayBuffer>;
  readonly timings: Timings;
  /** In sentences for people. */
  readonly warnings: readonly string[];
}

const settings = Piscina.workerData as ImageSettings;
const { maxPixels, timeoutMs } = settings.image;
const child = new ImageChild(timeoutMs);
lowerPriority();

/** Starts the process that decodes. */
export function load(): Promise<Outcome<Provider>> {
  return settle(async (): Promise<Provider> => {
    await child.start();
    return 'cpu';
  });
}

/** There is nothing more to be ready for. */
export async function warmUp(): Promise<Outcome<void>> {
  return { value: undefined };
}

/** Bytes of image files -> oriented pixels -> model input. */
export async function prepare(tasks: readonly PrepareTask[]): Promise<Outcome<Prepared>[]> {
  const outcomes = await inTurn(tasks, prepareOne);
  const inputs = outcomes.flatMap((each) => ('value' in each ? [each.value.input.buffer] : []));
  return moved(outcomes, inputs);
}

async function prepareOne({ model, image: file, crop, left }: PrepareTask): Promise<Prepared> {
  const { manifest } = settings.models[model] ?? {};
  if (!manifest) throw new Error(`there is no model "${model}"`);
  const start = performance.now();
  const kind = 'prepare';
  const question = { kind, maxPixels, side: manifest.image_size, ...(crop && { crop }) } as const;
  const { answer, parts } = await child.ask(question, [file], left);
  const { image, pixels, decode_ms, warnings = [] } = answer;
  const input = normalise({ ...pixels, data: parts[0] } as RgbImage, manifest);
  const timings = { decode_ms, preprocess_ms: performance.now() - start - decode_ms };
  return { model, image, input, timings, warnings };
}

/** Photographs with masks and prompts drawn on them, as PNG. */
export function overlay(tasks: readonly DrawTask[]): Promise<Outcome<Uint8Array>[]> {
  return inTurn(tasks, async ({ image, masks, prompts, left }) => {
    const question = { kind: 'overlay', maxPixels, prompts } as const;
    const { parts } = await child.ask(question, [image, ...masks.map(bytesOf)], left);
    return parts[0] as Uint8Array;
  });
}

/** For each photograph its objects on transparent ground, as PNG. */
export function cutOut(tasks: readonly CutTask[]): Promise<Outcome<readonly Uint8Array[]>[]> {
  return inTurn(tasks, async ({ image, masks, left }) => {
    const question = { kind: 'cutOut', maxPixels } as const;
    return (await child.ask(question, [image, ...masks.map(bytesOf)], left)).parts;
  });
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** One task after the other: there is one process. */
async function inTurn<Task, Result>(
  tasks: readonly Task[],
  each: (task: Task) => Promise<Result>,
): Promise<Outcome<Result>[]> {
  const outcomes: Outcome<Result>[] = [];
  for (const task of tasks) outcomes.push(await settle(() => each(task)));
  return outcomes;
}
