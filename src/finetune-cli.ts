import { SingleBar } from 'cli-progress';
import { loadConfig } from './config.js';
import { OperatorError } from './core/errors.js';
import { usableCores } from './machine.js';
import { finetune } from './train/finetune.js';
import { readOptions, USAGE } from './train/options.js';
import { Interrupted } from './train/run/interrupted.js';
import type { Progress } from './train/run/progress.js';

/** What a shell expects of a command that SIGINT has ended. */
const INTERRUPTED = 130;

/** A bar for what is being done, and lines above it. */
class Terminal implements Progress {
  #bar: SingleBar | undefined;

  begin(what: string, total: number): void {
    this.end();
    this.#bar = new SingleBar({
      format: `${what} [{bar}] {percentage} %, {eta_formatted} left{note}`,
      // Without a terminal a line now and then.
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      hideCursor: true,
      etaBuffer: 50,
    });
    this.#bar.start(total, 0, { note: '' });
  }

  update(done: number, note = ''): void {
    this.#bar?.update(done, { note: note && `: ${note}` });
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  say(line: string): void {
    this.end();
    console.log(line);
  }
}

/** Trains a model's prompt encoder and mask decoder, from the command line. */
async function run(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(USAGE);
  const options = readOptions(process.argv.slice(2), usableCores());
  const { models, encodeLane, images } = loadConfig(process.env);
  const interrupt = new AbortController();
  // A second one ends the process at once: what is on the disk is whole at any time.
  const end = () => interrupt.abort(new Interrupted('interrupted'));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const terminal = new Terminal();
  try {
    await finetune(options, {
      directory: models.directory,
      session: {
        ...encodeLane.session,
        threads: options.threads,
        gpuTurn: new SharedArrayBuffer(4),
      },
      precision: encodeLane.precision,
      maxPixels: images.maxPixels,
      progress: terminal,
      signal: interrupt.signal,
    });
  } finally {
    terminal.end();
  }
}

run().catch((error: unknown) => {
  const isExpected = error instanceof OperatorError || error instanceof Interrupted;
  console.error(isExpected ? error.message : error);
  if (error instanceof Interrupted) console.error('the same command goes on from here');
  process.exitCode = error instanceof Interrupted ? INTERRUPTED : 1;
});
