import { parseArgs } from 'node:util';
import { OperatorError } from '../core/errors.js';

/** Where labelled images are: COCO instances, or a mask of its own for each object. */
export type LabelSource = { readonly images: string } & (
  | { readonly coco: string }
  | { readonly masks: string; readonly objects: 'one' | 'colour' }
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
  /** The rate of the weights that draw the masks. */
  readonly maskRate: number;
  readonly warmUp: number;
  /** Of a step. */
  readonly batch: number;
  /** Objects of an image in a step, at most. */
  readonly perImage: number;
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
  ...{
    rate: TEXT,
    'mask-rate': TEXT,
    'warm-up': TEXT,
    batch: TEXT,
    'per-image': TEXT,
    objects: TEXT,
    clicks: TEXT,
    seed: TEXT,
  },
  ...{ 'validate-every': TEXT, patience: TEXT, threads: TEXT },
} as const;

export const USAGE = `npm run finetune -- --coco train.json --images DIR --out my-model [options]
                    --masks DIR --images DIR --out my-model [options]
                    --demo

  --coco FILE --images DIR   COCO instances and the folder of their images
  --masks DIR --images DIR   a mask PNG for each image, of the same name
  --objects one|colour       what a mask PNG holds: one object, or one of each colour but black (one)
  --demo                     images that the command draws, and draws again for validation
  --val FILE or DIR          as --coco or --masks, not trained on: tells what is best, and when to stop
  --val-images DIR           by default --images
  --keep DIR                 photographs (.jpg, .png, .webp) about which answers are to stay as they are
  --model NAME               to begin with (mobile_sam)
  --out NAME                 the new model, beside the others in SAM_MODELS_DIR
  --steps N, --minutes N     end after whichever comes first (1000 steps, no limit of time)
  --rate R                   of AdamW (1e-4)
  --mask-rate R              the same for all but the predicted IoU, which chooses among the masks (--rate)
  --warm-up N                steps (a tenth of --steps, 250 at most)
  --batch N                  images a step (2)
  --per-image N              objects of each in a step, at most (4)
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
  const given: Readonly<Record<string, string | boolean | undefined>> = {
    ...(values.demo && DEMO),
    ...values,
  };
  const text = (name: string) => given[name] as string | undefined;
  const whole = (name: string, usual: number, least = 1) => {
    const value = Number(text(name) ?? usual);
    if (Number.isSafeInteger(value) && value >= least) return value;
    const wanted = `a whole number of at least ${least}`;
    throw new OperatorError(`--${name} is to be ${wanted}, not "${text(name)}"`);
  };
  const positive = (name: string, usual: number) => {
    const value = Number(text(name) ?? usual);
    if (value > 0) return value;
    throw new OperatorError(`--${name} is to be a number above 0, not "${text(name)}"`);
  };
  const sources = sourcesOf(values);
  const out = text('out');
  if (!out) throw new OperatorError(`--out is missing: the new model's name\n\n${USAGE}`);
  const steps = whole('steps', STEPS);
  const rate = positive('rate', RATE);
  const maskRate = Number(text('mask-rate') ?? rate);
  if (!(maskRate >= 0)) {
    throw new OperatorError(`--mask-rate is to be 0 or above, not "${text('mask-rate')}"`);
  }
  return {
    ...sources,
    keep: values.keep,
    model: values.model ?? 'mobile_sam',
    out,
    work: values.work ?? '.finetune',
    restart: values.restart ?? false,
    steps,
    minutes: positive('minutes', Number.POSITIVE_INFINITY),
    rate,
    maskRate,
    warmUp: whole('warm-up', Math.min(WARM_UP, Math.ceil(steps / 10)), 0),
    batch: whole('batch', 2),
    perImage: whole('per-image', 4),
    clicks: whole('clicks', 8, 0),
    validateEvery: whole('validate-every', 25),
    patience: whole('patience', 8),
    seed: whole('seed', 1, 0),
    threads: whole('threads', cores),
  };
}

const STEPS = 1000;
const RATE = 1e-4;
/** The paper's. */
const WARM_UP = 250;

/** What suits ten minutes on two cores, and drawings whose objects the model finds but does not choose. */
const DEMO = {
  ...{
    out: 'demo',
    steps: '180',
    minutes: '9',
    'warm-up': '10',
    rate: '3e-4',
    'mask-rate': '3e-7',
  },
  ...{ batch: '1', clicks: '0', 'validate-every': '30' },
};

type Values = ReturnType<typeof parse>;

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS }).values;
  } catch (cause) {
    throw new OperatorError(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
}

function sourcesOf(values: Values): Pick<FinetuneOptions, 'labels' | 'validation'> {
  const { coco, masks, images, val, demo, objects = 'one' } = values;
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
  if (objects !== 'one' && objects !== 'colour') {
    throw new OperatorError(`--objects ${objects}: give one or colour`);
  }
  const sourceOf = (labels: string, folder: string): LabelSource =>
    coco === undefined
      ? { masks: labels, objects, images: folder }
      : { coco: labels, images: folder };
  return {
    labels: sourceOf(coco ?? (masks as string), images),
    validation: val === undefined ? undefined : sourceOf(val, values['val-images'] ?? images),
  };
}
