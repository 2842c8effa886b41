import { parseArgs } from 'node:util';
import { OperatorError } from '../core/errors.js';

/** Where labelled images are: COCO instances, or a mask of its own for each object. */
export type LabelSource = { readonly images: string } & (
  | { readonly coco: string }
  | { readonly masks: string }
);

/** What `npm run finetune` was asked for. */
export interface FinetuneOptions {
  /** Nothing where the command draws its own images. */
  readonly labels: LabelSource | undefined;
  readonly validation: LabelSource | undefined;
  /** A folder of photographs about which answers are to stay as they are. */
  readonly keep: string | undefined;
  readonly model: string;
  readonly out: string;
  /** Where embeddings and unfinished runs are kept. */
  readonly work: string;
  readonly restart: boolean;
  readonly steps: number;
  readonly minutes: number;
  readonly rate: number;
  readonly warmUp: number;
  /** Of a step. */
  readonly batch: number;
  /** Of an image in a step, at most. */
  readonly objects: number;
  /** After the first prompt. */
  readonly clicks: number;
  /** Steps from one validation to the next. */
  readonly validateEvery: number;
  /** Validations without progress before the run ends. */
  readonly patience: number;
  readonly seed: number;
  readonly threads: number;
}

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const OPTIONS = {
  ...{ coco: TEXT, masks: TEXT, images: TEXT, val: TEXT, 'val-images': TEXT, keep: TEXT },
  ...{ demo: FLAG, model: TEXT, out: TEXT, work: TEXT, restart: FLAG, steps: TEXT, minutes: TEXT },
  ...{ rate: TEXT, 'warm-up': TEXT, batch: TEXT, objects: TEXT, clicks: TEXT, seed: TEXT },
  ...{ 'validate-every': TEXT, patience: TEXT, threads: TEXT, help: FLAG },
} as const;

export const USAGE = `npm run finetune -- --coco train.json --images DIR --out my-model [options]
                    --masks DIR --images DIR --out my-model [options]
                    --demo

  --coco FILE --images DIR   COCO instances and the folder of their images
  --masks DIR --images DIR   masks as PNG: DIR/photo.png or DIR/photo/*.png for images/photo.jpg
  --demo                     images that the command draws, and draws again for validation
  --val FILE or DIR          as --coco or --masks, not trained on: tells what is best, and when to stop
  --val-images DIR           by default --images
  --keep DIR                 photographs (.jpg, .png, .webp) about which answers are to stay as they are
  --model NAME               to begin with (mobile_sam)
  --out NAME                 the new model, beside the others in SAM_MODELS_DIR
  --steps N, --minutes N     end after whichever comes first (1000 steps, no limit of time)
  --rate R                   of AdamW (1e-4)
  --warm-up N                steps (a tenth of --steps, 250 at most)
  --batch N                  images a step (2)
  --objects N                of each image in a step, at most (4)
  --clicks N                 after the first prompt, with one round before them and one behind without a click (8)
  --validate-every N         steps (25)
  --patience N               validations without progress before the end (8)
  --seed N                   of everything that is drawn (1)
  --threads N                of the processor (all)
  --work DIR                 embeddings and unfinished runs (.finetune)
  --restart                  begins anew where a run was interrupted`;

/** @throws OperatorError saying what to give instead */
export function readOptions(words: readonly string[], cores: number): FinetuneOptions {
  const values = parse(words);
  if (values.help) throw new OperatorError(USAGE);
  const preset = values.demo ? DEMO : {};
  const text = (name: keyof typeof preset | string) =>
    (values as Record<string, string | undefined>)[name] ??
    (preset as Record<string, string | undefined>)[name];
  const number = (name: string, usual: number, { least = 1, isWhole = true } = {}) => {
    const given = text(name);
    const value = given === undefined ? usual : Number(given);
    if (value >= least && (!isWhole || Number.isInteger(value) || value === Infinity)) return value;
    throw new OperatorError(
      `--${name} is to be a ${isWhole ? 'whole ' : ''}number of at least ${least}, not "${given}"`,
    );
  };
  const out = text('out');
  if (!out) throw new OperatorError(`--out is missing: the new model's name\n\n${USAGE}`);
  const steps = number('steps', STEPS);
  return {
    ...sourcesOf(values),
    keep: values.keep,
    model: text('model') ?? 'mobile_sam',
    out,
    work: text('work') ?? '.finetune',
    restart: values.restart ?? false,
    steps,
    minutes: number('minutes', Number.POSITIVE_INFINITY, { least: 0.01, isWhole: false }),
    rate: number('rate', RATE, { least: Number.MIN_VALUE, isWhole: false }),
    warmUp: number('warm-up', Math.min(250, Math.ceil(steps / 10)), { least: 0 }),
    batch: number('batch', 2),
    objects: number('objects', 4),
    clicks: number('clicks', 8, { least: 0 }),
    validateEvery: number('validate-every', 25),
    patience: number('patience', 8),
    seed: number('seed', 1, { least: 0 }),
    threads: number('threads', cores),
  };
}

const STEPS = 1000;
const RATE = 1e-4;

/** What suits ten minutes on two cores. */
const DEMO = { out: 'demo', steps: '400', minutes: '9', clicks: '1', batch: '1' };

type Values = ReturnType<typeof parse>;

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS }).values;
  } catch (cause) {
    throw new OperatorError(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
}

function sourcesOf(values: Values): Pick<FinetuneOptions, 'labels' | 'validation'> {
  const { coco, masks, images, val, demo } = values;
  if (demo) {
    const others = [coco, masks, images, val, values['val-images']];
    if (others.every((other) => other === undefined))
      return { labels: undefined, validation: undefined };
    throw new OperatorError('--demo draws all its images: give no others with it');
  }
  if ((coco === undefined) === (masks === undefined) || images === undefined) {
    throw new OperatorError(
      `give --coco FILE or --masks DIR, and --images DIR, or --demo\n\n${USAGE}`,
    );
  }
  const sourceOf = (labels: string, folder: string): LabelSource =>
    coco === undefined ? { masks: labels, images: folder } : { coco: labels, images: folder };
  return {
    labels: sourceOf(coco ?? (masks as string), images),
    validation: val === undefined ? undefined : sourceOf(val, values['val-images'] ?? images),
  };
}
