import { Piscina } from 'piscina';
import { frameOf, type ModelManifest } from '../../core/family/model.js';
import type { ImageSize, ModelInput } from '../../core/image.js';
import type { PictureTask, Timings } from '../../core/ports.js';
import type { Box } from '../../core/prompt.js';
import type { DetectorInput } from '../../image/owl/preprocess.js';
import { ImageChild } from '../images/image-child.js';
import type { Question } from '../images/questions.js';
import { memoryOf, moved } from './moved.js';
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
  readonly input: ModelInput;
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
  const inputs = outcomes.flatMap((each) => ('value' in each ? [memoryOf(each.value.input)] : []));
  return moved(outcomes, inputs);
}

async function prepareOne(task: PrepareTask): Promise<Prepared> {
  const { model, image: file, crop, abortFlag } = task;
  const start = performance.now();
  const question = questionOf(model, crop);
  const { answer, parts } = await child.ask(question, [file], abortFlag);
  const { image, pixels, decode_ms, warnings = [] } = answer;
  const [part] = parts as readonly [Uint8Array];
  const input = pixels ? { ...pixels, data: part } : floatsOf(part);
  const timings = { decode_ms, preprocess_ms: performance.now() - start - decode_ms };
  return { model, image, input, timings, warnings };
}

/** What the process that has an image's pixels is to make of them. */
function questionOf(model: string, crop: Box | undefined): Question {
  const detector = settings.detectors[model];
  if (detector) return { kind: 'detect', maxPixels, input: detector };
  const { manifest } = settings.models[model] ?? {};
  if (!manifest) throw new Error(`there is no model "${model}"`);
  const { side, resize } = frameOf(manifest);
  const part = crop && { crop };
  if (resize === 'longest_side') return { kind: 'prepare', maxPixels, side, ...part };
  const { pixel_mean: mean, pixel_std: std } = manifest;
  return { kind: 'stretch', maxPixels, input: { side, mean, std }, ...part };
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
