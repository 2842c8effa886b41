import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { loadConfig } from './config.js';
import { OperatorError } from './core/errors.js';
import type { HieraConfig } from './core/family/model.js';
import { readDetectorManifest } from './engine/detector/manifest.js';
import { readManifest } from './engine/manifest.js';
import { detectors, isDetectorNamed, manifests, sizeOf, verify } from './models/catalogue.js';
import { type ImportOptions, importCheckpoint } from './models/import.js';
import { importDetector } from './models/import-detector.js';
import { pull, pullDetector } from './models/pull.js';

const USAGE = `npm run models -- <command>

  list                 the models there are manifests of, and which of them can be served
  pull <name>...       download the checkpoint of a model; a broken download is gone on with
  verify [<name>...]   check files against their hashes, and every tensor of a checkpoint
  import <file>        serve a checkpoint of your own (.pth, .pt or .safetensors), or a folder with a detector's files
                       [--name <name>] [--title <text>] [--license <text>]
                       of a SAM 2 whose sizes nobody published, what no tensor tells:
                       --heads <number> --windows <4 numbers> --global-blocks <numbers>`;

const OPTIONS = {
  name: { type: 'string' },
  title: { type: 'string' },
  license: { type: 'string' },
  heads: { type: 'string' },
  windows: { type: 'string' },
  'global-blocks': { type: 'string' },
} as const;

/** The models of `SAM_MODELS_DIR`, from the command line. */
async function run(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [command, ...names] = positionals;
  const directory = loadConfig(process.env).models.directory;
  switch (command) {
    case 'list':
      return list(directory);
    case 'pull':
      if (names.length === 0) throw new OperatorError(USAGE);
      for (const name of names) await download(directory, name);
      return;
    case 'verify':
      return verifyAll(directory, names);
    case 'import': {
      const [file, ...others] = names;
      if (!file || others.length > 0) throw new OperatorError(USAGE);
      return importModel(directory, file, { ...values, hiera: hieraOf(values) });
    }
    default:
      throw new OperatorError(USAGE);
  }
}

async function list(directory: string): Promise<void> {
  const all = [...(await manifests(directory)), ...detectors(directory)];
  const rows = all.map((manifest) => {
    const { name, title } = manifest;
    const bytes = sizeOf(directory, manifest);
    const state =
      bytes === undefined ? `missing: npm run models -- pull ${name}` : megabytes(bytes);
    return [name, state, title] as const;
  });
  const width = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length));
  for (const [name, state, title] of rows) {
    console.log(`${name.padEnd(width(0))}  ${state.padEnd(width(1))}  ${title}`);
  }
}

async function download(directory: string, name: string): Promise<void> {
  const bar = new SingleBar({
    format: `${name} [{bar}] {percentage} % of {size}, {eta_formatted} left`,
    // Without a terminal a line now and then.
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
  });
  try {
    const onProgress = (done: number, total = done) => {
      if (!bar.isActive) bar.start(total, done, { size: megabytes(total) });
      bar.setTotal(total);
      bar.update(done);
    };
    if (isDetectorNamed(directory, name)) {
      await pullDetector(directory, readDetectorManifest(directory, name), onProgress);
      bar.stop();
      console.log(`${name} is whole: SAM_TEXT_MODEL=${name} npm start`);
      return;
    }
    const path = await pull(directory, await readManifest(directory, name), onProgress);
    bar.stop();
    console.log(`${path} is whole: SAM_MODELS=${name} npm start`);
  } finally {
    bar.stop();
  }
}

/** @throws OperatorError when only some of it is given, or something is no number */
function hieraOf({
  heads,
  windows,
  'global-blocks': blocks,
}: {
  heads?: string | undefined;
  windows?: string | undefined;
  'global-blocks'?: string | undefined;
}): HieraConfig | undefined {
  if (heads === undefined && windows === undefined && blocks === undefined) return undefined;
  const numbers = (text: string | undefined) => (text ? text.split(',').map(Number) : []);
  const [num_heads = 0, ...others] = numbers(heads);
  const [window_spec, global_att_blocks] = [numbers(windows), numbers(blocks)];
  const all = [num_heads, ...window_spec, ...global_att_blocks];
  const isWhole = all.every((value) => Number.isInteger(value) && value >= 0 && value <= 1024);
  if (!isWhole || num_heads === 0 || others.length > 0 || window_spec.length !== 4) {
    throw new OperatorError(
      'heads, windows and global blocks belong together: --heads 1 --windows 8,4,14,7 --global-blocks 5,7,9',
    );
  }
  return { num_heads, window_spec, global_att_blocks };
}

/** A file is a SAM, a folder a detector. */
async function importModel(directory: string, path: string, options: ImportOptions): Promise<void> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const made = isFolder
    ? await importDetector(directory, path, options)
    : await importCheckpoint(directory, path, options);
  const setting = isFolder ? 'SAM_TEXT_MODEL' : 'SAM_MODELS';
  console.log(`${made.name} (${made.architecture}) is ready: ${setting}=${made.name} npm start`);
}

async function verifyAll(directory: string, names: readonly string[]): Promise<void> {
  const present = [...(await manifests(directory)), ...detectors(directory)].filter(
    (manifest) => sizeOf(directory, manifest) !== undefined,
  );
  for (const name of names.length > 0 ? names : present.map((manifest) => manifest.name)) {
    await verify(directory, name);
    console.log(`${name}: every file and every tensor is right`);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

run().catch((error: unknown) => {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = 1;
});
