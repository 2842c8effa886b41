import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { OperatorError } from '../../core/errors.js';
import type { OptimizerState } from '../trained-weights.js';

/** What happened in a step. */
export interface StepReport {
  /** From 1. */
  readonly step: number;
  /** The mean over all prompts. */
  readonly loss: number;
  /** The same of kept photographs. */
  readonly kept?: number;
}

/** What was found between steps. */
export interface ValidationReport {
  /** 0 is before the first. */
  readonly step: number;
  readonly iou: number;
}

/** A run as it can be gone on with. */
export interface RunState {
  /** Stands for everything that shapes what is learned. */
  readonly fingerprint: string;
  readonly steps: readonly StepReport[];
  readonly validations: readonly ValidationReport[];
  /** Spent so far, by all processes that worked on it. */
  readonly elapsedMs: number;
  readonly optimizer: OptimizerState;
  /** The weights that did best so far, by name. */
  readonly best: ReadonlyMap<string, Float32Array> | undefined;
}

const FILE = 'state.v8';

/** The state that an earlier process has left in a folder. @throws OperatorError when it cannot be read */
export async function readState(folder: string): Promise<RunState | undefined> {
  const path = join(folder, FILE);
  try {
    return deserialize(await readFile(path)) as RunState;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const { message } = cause as Error;
    throw new OperatorError(`${path} cannot be read (${message}): begin anew with --restart`, {
      cause,
    });
  }
}

/** Leaves a state, whole or not at all. */
export async function writeState(folder: string, state: RunState): Promise<void> {
  const path = join(folder, FILE);
  await mkdir(folder, { recursive: true });
  const file = await open(`${path}.part`, 'w');
  try {
    await file.writeFile(serialize(state));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

/** Removes what a run has left, once its model is written. */
export function forgetState(folder: string): Promise<void> {
  return rm(join(folder, FILE), { force: true });
}
