import { Piscina } from 'piscina';
import type { ImageSize, RgbImage } from '../../core/image.js';
import type { ModelManifest } from '../../core/model.js';
import type { PictureTask, Timings } from '../../core/ports.js';
import type { Box } from '../../core/prompt.js';
import type { DetectorInput } from '../../image/owl/preprocess.js';
import { normalise } from '../../image/preprocess.js';
import { ImageChild } from '../images/image-child.js';
import { moved } from './moved.js';
import { type Outcome, settle } from './outcome.js';
import { lowerPriority } from './priority.js';

/** What a worker that looks at images is given when it starts. */
export interface ImageSettings {
  /** By name. */
  readonly models: Readonly<Record<string, { readonly manifest: ModelManifest }>>;
  /** What detectors take, by their names. */
  readonly detectors: Readonly<Record<string, DetectorInput>>;
  readonly image: {
    readonly maxPixels: number;
    /** How long anything with an image may take. */
    readonly timeoutMs: number;
  };
}

interface ImageTask {
  readonly image: Uint8Array;
  /** Shared memory: not 0 once nobody waits for the task any more. */
  readonly abortFlag: Int32Array;
}

/** An image for a model, or a part of it. */
export interface PrepareTask extends ImageTask {
  readonly model: string;
  readonly crop?: Box;
}

export type DrawTask = PictureTask & Pick<ImageTask, 'abortFlag'>;

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
export function start(): Promise<Outcome<void>> {
  return settle(() => child.start());
}

/** Bytes of image files -> oriented pixels -> model input. */
export async function prepare(tasks: readonly PrepareTask[]): Promise<Outcome<Prepared>[]> {
  const outcomes = await inTurn(tasks, prepareOne);
  const inputs = outcomes.flatMap((each) => ('value' in each ? [each.value.input.buffer] : []));
  return moved(outcomes, inputs);
}

async function prepareOne({ model, image: file, crop, abortFlag }: PrepareTask): Promise<Prepared> {
  const input = settings.detectors[model];
  if (input) return prepareDetection({ model, image: file, abortFlag }, input);
  const { manifest } = settings.models[model] ?? {};
  if (!manifest) throw new Error(`there is no model "${model}"`);
  const start = performance.now();
  const kind = 'prepare';
  const question = { kind, maxPixels, side: manifest.image_size, ...(crop && { crop }) } as const;
  const { answer, parts } = await child.ask(question, [file], abortFlag);
  const { image, pixels, decode_ms, warnings = [] } = answer;
  const normalised = normalise({ ...pixels, data: parts[0] } as RgbImage, manifest);
  const timings = { decode_ms, preprocess_ms: performance.now() - start - decode_ms };
  return { model, image, input: normalised, timings, warnings };
}

/** A detector's picture is made of all pixels, by the process that has them. */
async function prepareDetection(
  { model, image: file, abortFlag }: PrepareTask,
  input: DetectorInput,
): Promise<Prepared> {
  const start = performance.now();
  const { answer, parts } = await child.ask(
    { kind: 'detect', maxPixels, input },
    [file],
    abortFlag,
  );
  const { image, decode_ms, warnings = [] } = answer;
  const timings = { decode_ms, preprocess_ms: performance.now() - start - decode_ms };
  return { model, image, input: floatsOf(parts[0] as Uint8Array), timings, warnings };
}

/** The floats of a message's part, which has memory of its own. */
function floatsOf({ buffer }: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(buffer as ArrayBuffer);
}

/** For each photograph the pictures that are made of it, as PNG. */
export function draw(tasks: readonly DrawTask[]): Promise<Outcome<readonly Uint8Array[]>[]> {
  return inTurn(tasks, async ({ image, masks, abortFlag, ...question }) => {
    const counts = masks.map(({ counts }) => Buffer.from(counts, 'latin1'));
    return (await child.ask({ ...question, maxPixels }, [image, ...counts], abortFlag)).parts;
  });
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
