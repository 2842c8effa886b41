import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.js';
import { familyOf, frameOf, type PrecisionChoice } from '../core/family/model.js';
import { findModel, type Model, readDecoder } from '../engine/model-files.js';
import type { SessionOptions } from '../engine/session.js';
import { type EmbeddedImage, Embedder } from './data/embedder.js';
import { readLessons } from './data/lessons.js';
import { embedPhotographs } from './data/photographs.js';
import type { TrainingImage } from './data/training-image.js';
import { DecoderTrainer } from './decoder-trainer.js';
import { drawDemo } from './demo/demo-files.js';
import type { FinetuneOptions } from './options.js';
import { drawPlot } from './output/plot.js';
import { checkTarget, writeTrainedModel } from './output/written-model.js';
import { randomFor } from './random.js';
import { FineTuning } from './run/fine-tuning.js';
import { KeptPhotographs } from './run/kept-photographs.js';
import type { Progress } from './run/progress.js';
import { type Outcome, Run } from './run/run.js';
import { forgetState, readState } from './run/run-state.js';
import { Validation } from './run/validation.js';

/** Objects that are looked at in a validation, at most. */
const MOST_VALIDATED = 300;

/** What the command gets from the environment. */
export interface FinetuneSetting {
  /** Of the manifests. */
  readonly directory: string;
  readonly session: SessionOptions;
  readonly precision: PrecisionChoice;
  readonly maxPixels: number;
  readonly progress: Progress;
  /** Ends the run after the step it is in, so that it can be gone on with. */
  readonly signal: AbortSignal;
}

/**
 * Trains a model's prompt encoder and mask decoder on labelled images, and writes the result as a model of its own.
 * @throws OperatorError saying what to give instead; Interrupted when the signal came before the end
 */
export async function finetune(options: FinetuneOptions, setting: FinetuneSetting): Promise<void> {
  const startedAt = performance.now();
  const { progress, signal, directory } = setting;
  const target = { directory, name: options.out };
  await checkTarget(target);
  const base = await findTrainable(directory, options.model);
  const folder = join(options.work, options.out);
  const state = options.restart ? undefined : await readState(folder);

  const embedder = new Embedder({
    ...setting,
    model: base,
    folder: join(options.work, 'embeddings'),
  });
  const sources = await sourcesOf(options);
  const context = { embedder, progress, signal };
  const images = await readLessons(sources.labels, 'training', context);
  const part = { objects: MOST_VALIDATED, random: randomFor(options.seed, 'validation') };
  const validated =
    sources.validation && (await readLessons(sources.validation, 'validation', context, part));
  const photographs =
    options.keep === undefined ? [] : await embedPhotographs(options.keep, context);

  const fingerprint = fingerprintOf(options, base, [images, validated ?? [], photographs]);
  if (state && state.fingerprint !== fingerprint) {
    throw new OperatorError(
      `${folder} has an unfinished run with other data or options: give the same again to go on with it, ` +
        'another --out, or --restart to begin anew',
    );
  }
  if (state) progress.say(`going on after step ${state.steps.length}`);
  const trainer = await DecoderTrainer.open(readDecoder(base), options.threads, [], 'returned');
  const kept =
    photographs.length > 0 ? new KeptPhotographs(photographs, embedder, trainer) : undefined;
  const run = new Run(
    {
      ...{ trainer, progress, folder, fingerprint, state, startedAt },
      tuning: new FineTuning(trainer, embedder, { images, kept }, options),
      validation: validated && new Validation(validated, embedder),
    },
    options,
  );
  const outcome = await run.toEnd(signal);

  const source = sourceOf(options, images, outcome);
  // What is not trained, the Gaussian matrix of positions, is written as well.
  const weights = new Map([...trainer.before, ...outcome.weights]);
  const manifest = await writeTrainedModel(target, base, weights, source);
  const plot = join(folder, 'training.svg');
  await writeFile(plot, drawPlot(outcome.steps, outcome.validations, manifest.name));
  await forgetState(folder);
  await report(outcome, await kept?.agreement(outcome.weights), progress);
  progress.say(`training over its steps: ${plot}`);
  progress.say(`${manifest.name} is ready: SAM_MODELS=${manifest.name} npm start`);
}

/** A model whose decoder can be trained, and whose files are whole. @throws OperatorError */
async function findTrainable(directory: string, name: string): Promise<Model> {
  const model = await findModel(directory, name);
  const { architecture } = model.manifest;
  if (familyOf(architecture) !== 'sam' || frameOf(model.manifest).resize !== 'longest_side') {
    throw new OperatorError(
      `${name} is ${architecture}: only SAM's decoders are trained here, such as mobile_sam's and vit_b's`,
    );
  }
  return model;
}

/** The labels that were named, or that are drawn for the demonstration. */
async function sourcesOf({ labels, validation, work }: FinetuneOptions) {
  if (labels) return { labels, validation };
  const { train, heldOut } = await drawDemo(join(work, 'drawings'));
  return { labels: train, validation: heldOut };
}

/** Stands for everything that shapes what is learned, but for when it ends. */
function fingerprintOf(
  { rate, maskRate, batch, perImage, clicks, seed, validateEvery }: FinetuneOptions,
  { manifest }: Model,
  data: readonly (readonly (EmbeddedImage | TrainingImage)[])[],
): string {
  const images = data.map((set) =>
    set.map((image) => [
      image.key,
      'objects' in image ? image.objects.map(({ id, box, label }) => [id, box, label.runs]) : [],
    ]),
  );
  const decoder = 'checkpoint' in manifest ? manifest.checkpoint : manifest.decoder;
  const steps = [rate, maskRate, batch, perImage, clicks, seed, validateEvery];
  const shaping = [...steps, decoder.sha256, images];
  return createHash('sha256').update(JSON.stringify(shaping)).digest('hex');
}

/** What the manifest says of where the model comes from. */
function sourceOf(
  { model, keep }: FinetuneOptions,
  images: readonly TrainingImage[],
  { steps }: Outcome,
): string {
  const objects = images.reduce((sum, image) => sum + image.objects.length, 0);
  const trained = `${objects} objects in ${images.length} images, ${steps.length} steps`;
  return `${model}, fine-tuned by sam-split on ${trained}${keep ? ', other answers kept' : ''}`;
}

/** What is better now, and what is not as it was. */
async function report(
  { validations, steps, elapsedMs }: Outcome,
  agreement: number | undefined,
  progress: Progress,
): Promise<void> {
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  progress.say(`${steps.length} steps in ${(elapsedMs / 60_000).toFixed(1)} minutes`);
  const [before, ...after] = validations;
  if (before && after.length > 0) {
    const best = after.reduce((a, b) => (b.iou > a.iou ? b : a));
    progress.say(
      `one click, validation: IoU ${percent(before.iou)} before, ${percent(best.iou)} after step ${best.step}`,
    );
  }
  if (agreement !== undefined) {
    progress.say(`kept photographs: IoU ${percent(agreement)} between answers before and after`);
  }
}
