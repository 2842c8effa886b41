import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { OperatorError } from './core/errors.js';
import { evaluateModel, imagesOf, type ModelResult } from './evaluate/evaluation.js';
import { digestOf } from './evaluate/identity.js';
import { Journal } from './evaluate/journal.js';
import type { MeasuredObject } from './evaluate/measured.js';
import { resultsText } from './evaluate/report/text.js';
import { resultsOf } from './evaluate/results.js';
import { remoteService } from './evaluate/service/remote-service.js';
import { ServiceClient } from './evaluate/service/service-client.js';
import { readCoco } from './labels/coco.js';
import { readMaskFiles } from './labels/mask-files.js';
import type { Labels, Skipped } from './labels/skipped.js';

const USAGE = `npm run evaluate -- --coco <file> --images <folder>     COCO instances
npm run evaluate -- --masks <folder> --images <folder>  a mask PNG for each image, of the same name

  --objects one|colour   what a mask PNG holds: one object, or one of each colour but black   (one)
  --model <name>,...     models to compare                                    (the service's first)
  --limit <number>       of objects, image by image from the first                           (all)
  --seed <number>        of the noise of boxes                                                 (0)
  --json <file>          all results, down to the object
  --report <file>        the same as a page of HTML, with the worst objects as pictures
  --worst <number>       objects that are shown of each protocol                               (8)
  --url <url>            ask a service that runs; its key is taken from SAM_API_KEY

Broken off, the same command with --json or --report goes on where it was. docs/evaluation.md defines what is measured.`;

const OPTIONS = {
  coco: { type: 'string' },
  masks: { type: 'string' },
  images: { type: 'string' },
  objects: { type: 'string', default: 'one' },
  model: { type: 'string' },
  limit: { type: 'string' },
  seed: { type: 'string', default: '0' },
  json: { type: 'string' },
  report: { type: 'string' },
  worst: { type: 'string', default: '8' },
  url: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof readArguments>;

/** Of examples that are told of each reason why objects are skipped. */
const TOLD = 3;

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new OperatorError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

async function run(stop: AbortSignal): Promise<void> {
  const values = readArguments();
  if (values.help) return console.log(USAGE);
  const [limit, seed, worst] = [
    whole(values, 'limit'),
    whole(values, 'seed'),
    whole(values, 'worst'),
  ];
  for (const file of [values.json, values.report]) if (file) checkTarget(file);
  const { labels, source, images: folder } = await readLabels(values);
  const { skipped } = labels;
  const objects = labels.objects.slice(0, limit);
  if (objects.length === 0) throw nothing(skipped, source);
  const images = imagesOf(objects, resolve(folder));

  const asked = values.model?.split(',').map((name) => name.trim());
  const service = await serviceOf(values, asked);
  const bar = progressBar();
  try {
    const client = new ServiceClient(service.send);
    const models = await modelsOf(client, asked);
    const data = {
      ...{ source, images: images.length, objects: objects.length },
      digest: digestOf(images),
    };
    const output = values.json ?? values.report;
    const identity = JSON.stringify({ digest: data.digest, seed, worst, models });
    const journal = new Journal(output && `${output}.progress`, identity);
    if (journal.size > 0) console.error(`measured already: ${journal.size} of the images`);
    const results: ModelResult[] = [];
    for (const { name: model } of models) {
      const points: number[] = [];
      let done = 0;
      bar.start(objects.length, 0, { model, point: '-' });
      const onImage = (measured: readonly MeasuredObject[], lost: number) => {
        points.push(...measured.map(({ point }) => point.iou));
        done += measured.length + lost;
        const mean = points.reduce((sum, iou) => sum + iou, 0) / points.length;
        bar.update(done, { point: points.length > 0 ? (100 * mean).toFixed(1) : '-' });
      };
      const options = { service: client, journal, skipped, seed, worst, signal: stop, onImage };
      results.push(await evaluateModel(model, images, options));
      bar.stop();
    }
    if (results.some((result) => result.objects.length === 0)) throw nothing(skipped, source);
    const found = resultsOf({ service: values.url ?? 'in process', data, seed }, skipped, results);
    if (values.json) writeWhole(values.json, `${JSON.stringify(found, null, 1)}\n`);
    if (values.report) {
      const { htmlReport } = await import('./evaluate/report/html.js');
      writeWhole(values.report, await htmlReport(found, results, objects));
    }
    journal.remove();
    if (skipped.count > 0) console.error(`\n${skippedText(skipped)}`);
    console.log(resultsText(found));
  } finally {
    bar.stop();
    await service.close();
  }
}

/** A whole number of an option. */
function whole(values: Values, name: 'limit' | 'seed' | 'worst'): number {
  const text = values[name];
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const least = name === 'limit' ? 1 : 0;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new OperatorError(`--${name} ${text}: give a whole number from ${least} on`);
}

async function readLabels({
  coco,
  masks,
  images,
  objects,
}: Values): Promise<{ labels: Labels; source: string; images: string }> {
  if (!images || (coco === undefined) === (masks === undefined)) {
    throw new OperatorError(`--images and one of --coco and --masks are needed\n\n${USAGE}`);
  }
  if (objects !== 'one' && objects !== 'colour') {
    throw new OperatorError(`--objects ${objects}: give one or colour`);
  }
  if (coco !== undefined) return { labels: readCoco(coco, images), source: coco, images };
  const folder = masks as string;
  return { labels: await readMaskFiles(folder, images, objects), source: folder, images };
}

/** The service that is asked: at `--url`, or in this process. */
async function serviceOf({ url }: Values, models: readonly string[] | undefined) {
  const { SAM_API_KEY: key, ...environment } = process.env;
  if (url) return { send: remoteService(url, key), close: async () => {} };
  const { startInProcess } = await import('./in-process.js');
  return startInProcess(environment, models);
}

/** @throws OperatorError for a model that is not served */
async function modelsOf(client: ServiceClient, asked: readonly string[] | undefined) {
  const served = await client.models();
  return (asked ?? [served[0]?.name]).map((name) => {
    const model = served.find((one) => one.name === name);
    if (model) return model;
    const names = served.map((one) => one.name).join(', ');
    throw new OperatorError(`--model ${name}: the service has ${names}`);
  });
}

function progressBar(): SingleBar {
  return new SingleBar({
    format: '{model} [{bar}] {value}/{total} objects, inmost point {point} %, {eta_formatted} left',
    // Without a terminal a line now and then.
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
  });
}

/** Better told before an hour's work than after it. */
function checkTarget(file: string): void {
  const folder = dirname(resolve(file));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OperatorError(`${file}: there is no folder ${folder}`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OperatorError(`${file} is a folder: give a file`);
  }
}

/** Nobody ever finds half of it under its name. */
function writeWhole(file: string, text: string): void {
  const part = `${file}.part`;
  try {
    writeFileSync(part, text);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw new OperatorError(`${file} cannot be written: ${(error as Error).message}`);
  }
}

function skippedText(skipped: Skipped): string {
  const lines = skipped.reasons.flatMap(({ reason, count, examples }) => {
    const told = examples.slice(0, TOLD).map((example) => `      ${example}`);
    const more = count > TOLD ? [`      and ${count - TOLD} more`] : [];
    return [`  ${String(count).padStart(5)}  ${reason}`, ...told, ...more];
  });
  return [`skipped ${skipped.count} objects:`, ...lines].join('\n');
}

function nothing(skipped: Skipped, source: string): OperatorError {
  const why = skipped.reasons.length > 0 ? `\n${skippedText(skipped)}` : '';
  return new OperatorError(`${source} has no object that can be evaluated${why}`);
}

const interrupted = new AbortController();
process.once('SIGINT', () => {
  console.error('\nstopping after this image; once more ends it at once');
  const message = 'interrupted: the same command goes on, where it writes to a file';
  interrupted.abort(new OperatorError(message));
});

run(interrupted.signal).catch((error: unknown) => {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
});
