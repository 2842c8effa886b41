import { statSync } from 'node:fs';
import type { Caller } from '../core/caller.js';
import { CLOCK, type Clock } from '../core/clock.js';
import type { Provider } from '../core/device.js';
import type { Precision } from '../core/family/model.js';
import type { Encoded } from '../core/ports.js';
import type * as EncodeJob from './jobs/encode-job.js';
import type { Prepared } from './jobs/image-job.js';
import { memoryOf } from './jobs/moved.js';
import type { Downstream, LaneOptions } from './lane-options.js';
import { type Load, sum, total } from './load.js';
import { NetworkLane } from './network-lane.js';

/**
 * From so many images on two go side by side. Each takes nearly twice as long then, so that of fewer the first would be
 * late by more than the others gain.
 */
const CROWD = 5;
/** What goes side by side has its weights once more in each worker. */
const MOST_WEIGHTS_BYTES = 64 * 2 ** 20;
/** After so long without a crowd its workers are ended, and what memory they have. */
const QUIET_MS = 30_000;

const NOTHING: Load = { waiting: 0, running: 0 };

/** How many tasks of a model run together on a provider. */
type Batch = (provider: Provider) => number;

type Options = LaneOptions<EncodeJob.EncodeSettings>;

/** Where networks run: few workers with many threads each, or one with a GPU. */
class Networks extends NetworkLane<typeof EncodeJob, EncodeJob.EncodeSettings> {
  constructor(options: Options) {
    super('encode', new URL('./jobs/encode-job.js', import.meta.url), options);
  }

  /** As `loadModel`, and batches stay as they are. */
  async loadDetector(name: string): Promise<Provider> {
    const [provider] = (await this.everywhere<Provider>('load', name)) as [Provider];
    return provider;
  }

  /** What a model that has been loaded computes in. */
  async precisionOf(model: string): Promise<Precision> {
    const [precision] = (await this.everywhere<Precision>('precision', model)) as [Precision];
    return precision;
  }

  encode(task: Prepared, caller?: Caller): Promise<Encoded> {
    return this.runOne('encode', laneTask(task), caller);
  }

  encodeCrop(task: Prepared, caller: Caller): Promise<Encoded> {
    return this.runInBackground('encode', laneTask(task), caller);
  }
}

function laneTask(task: Prepared) {
  return { task, group: task.model, transfer: [memoryOf(task.input)] };
}

/**
 * The networks of images. On a CPU a lone image has all threads. Threads of one run wait for each other at the end of
 * every operation, the longer the more other work the cores have: while many images wait, two run side by side on half
 * of the threads each, in workers of their own.
 */
export class EncoderNetworks implements Downstream {
  readonly #options: Options;
  readonly #clock: Clock;
  readonly #each: Networks;
  #onProcessor = false;
  /** Workers of a crowd, as long as there is one. */
  #pair: Networks | undefined;
  #isCrowd = false;
  /** Models that may go side by side, and how many of their images run together. */
  readonly #light = new Map<string, Batch | undefined>();
  /** Calls the end of the crowd's workers off. */
  #stay = () => {};
  #leaving: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#clock = options.clock ?? CLOCK;
    this.#each = new Networks(options);
  }

  /** Whether any of them runs on the CPU. */
  get onProcessor(): boolean {
    return this.#onProcessor;
  }

  get load(): Load {
    return sum(this.#each.load, this.#pair?.load ?? NOTHING);
  }

  get urgent(): Load {
    return sum(this.#each.urgent, this.#pair?.urgent ?? NOTHING);
  }

  get averageMs(): number {
    return this.#used.averageMs;
  }

  get workers(): number {
    return this.#used.workers;
  }

  get capacity(): number {
    return this.#used.capacity;
  }

  /** @param others images beside this one that somebody waits for. */
  async encode(task: Prepared, others: number, caller?: Caller): Promise<Encoded> {
    this.#isCrowd = others + 1 >= CROWD && this.#light.has(task.model);
    if (!this.#isCrowd) return this.#each.encode(task, caller);
    this.#stay();
    this.#pair ??= this.#hire(task.model);
    try {
      return await this.#pair.encode(task, caller);
    } finally {
      this.#stay();
      this.#stay = this.#clock.after(QUIET_MS, () => this.#dismiss());
    }
  }

  /** A part of long work: whoever asked for it does not wait for this image alone. */
  encodeCrop(task: Prepared, caller: Caller): Promise<Encoded> {
    return this.#each.encodeCrop(task, caller);
  }

  /** As `NetworkLane.loadModel`. The workers of a crowd load what they need when there is one. */
  async loadModel(model: string, batch?: Batch): Promise<Provider> {
    const provider = this.#noted(await this.#each.loadModel(model, batch));
    const { workers, settings } = this.#options;
    const path = settings.models[model]?.encoderPath;
    const isLight = path !== undefined && statSync(path).size <= MOST_WEIGHTS_BYTES;
    const hasHalves = workers === 1 && settings.session.threads > 1;
    if (provider === 'cpu' && isLight && hasHalves) this.#light.set(model, batch);
    return provider;
  }

  /** As `Networks.loadDetector`. */
  async loadDetector(name: string): Promise<Provider> {
    return this.#noted(await this.#each.loadDetector(name));
  }

  /** What a model that has been loaded computes in. */
  precisionOf(model: string): Promise<Precision> {
    return this.#each.precisionOf(model);
  }

  /** As `NetworkLane.warmUp`. */
  warmUp(model: string): Promise<void> {
    return this.#each.warmUp(model);
  }

  /** As `Lane.close`. */
  async close(): Promise<void> {
    this.#stay();
    await Promise.all([this.#each.close(), this.#pair?.close(), this.#leaving]);
  }

  /** As `Lane.stop`. */
  async stop(): Promise<void> {
    this.#stay();
    await Promise.all([this.#each.stop(), this.#pair?.stop(), this.#leaving]);
  }

  #noted(provider: Provider): Provider {
    if (provider === 'cpu') this.#onProcessor = true;
    return provider;
  }

  get #used(): Networks {
    return (this.#isCrowd && this.#pair) || this.#each;
  }

  #hire(model: string): Networks {
    const { settings } = this.#options;
    const threads = Math.floor(settings.session.threads / 2);
    const session = { ...settings.session, threads };
    const pair = new Networks({ ...this.#options, workers: 2, settings: { ...settings, session } });
    // Before its first image, whose run would keep what the network is made from. Of a failure that image tells.
    pair.loadModel(model, this.#light.get(model)).catch(() => {});
    return pair;
  }

  /** Whoever still runs there comes by here again. */
  #dismiss(): void {
    const pair = this.#pair;
    if (!pair || total(pair.load) > 0) return;
    this.#pair = undefined;
    this.#leaving = pair.close();
  }
}
