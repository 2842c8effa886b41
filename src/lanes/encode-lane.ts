import type { Caller } from '../core/caller.js';
import type { Provider } from '../core/device.js';
import type { Precision } from '../core/family/model.js';
import type { Encoded, ImageLane } from '../core/ports.js';
import type { DetectorInput } from '../image/owl/preprocess.js';
import { EncoderNetworks } from './encoder-networks.js';
import { withAbortFlag } from './images/abort-flag.js';
import type * as EncodeJob from './jobs/encode-job.js';
import type * as ImageJob from './jobs/image-job.js';
import { Lane } from './lane.js';
import type { LaneOptions } from './lane-options.js';
import { type Load, sum, total } from './load.js';

/** Where images are decoded and resized. */
class Images extends Lane<typeof ImageJob, ImageJob.ImageSettings> {
  /** Starts the processes that decode. */
  async start(): Promise<void> {
    await this.everywhere<void>('start');
  }

  prepare(task: ImageJob.PrepareTask, caller?: Caller, bytes = 0): Promise<ImageJob.Prepared> {
    return this.runOne('prepare', { task, bytes }, caller);
  }

  prepareCrop(task: ImageJob.PrepareTask, caller: Caller, bytes = 0): Promise<ImageJob.Prepared> {
    return this.runInBackground('prepare', { task, bytes }, caller);
  }
}

type EncodeLaneSettings = EncodeJob.EncodeSettings &
  Omit<ImageJob.ImageSettings, 'detectors'> & {
    readonly detectors: Readonly<Record<string, DetectorInput & EncodeJob.DetectorNetwork>>;
  };

/**
 * The lane that looks at images. `session.run` blocks its thread, so that the next image is prepared in another
 * worker while the network is busy with the one before.
 */
export class EncodeLane {
  readonly #images: Images;
  readonly #networks: EncoderNetworks;

  /** @param imageWorkers how many images are decoded at once. */
  constructor(options: LaneOptions<EncodeLaneSettings>, imageWorkers: number) {
    const { models, detectors, image, ...settings } = options.settings;
    this.#networks = new EncoderNetworks({
      ...options,
      queueLimit: Number.POSITIVE_INFINITY, // the lane before it counts its tasks
      settings: { models, detectors, ...settings },
    });
    this.#images = new Images('encode', new URL('./jobs/image-job.js', import.meta.url), {
      ...options,
      workers: imageWorkers,
      settings: { models, detectors, image },
      // What an image went through is told once, with its embedding.
      onTask: (task) => options.onTask?.({ ...task, timings: undefined }),
      downstream: this.#networks,
    });
  }

  /** Tasks that wait and workers that run some, of both kinds. */
  get load(): Load {
    return sum(this.#images.load, this.#networks.load);
  }

  /** Images that somebody waits for and that need the processor: on a GPU the network does not. */
  get processorWork(): number {
    const { onProcessor, urgent } = this.#networks;
    return total(this.#images.urgent) + (onProcessor ? total(urgent) : 0);
  }

  /** As `Lane.checkRoom`. */
  checkRoom(caller?: Caller): void {
    this.#images.checkRoom(caller);
  }

  /** The lane as the embeddings of one model see it, or the features of one detector. */
  of(model: string): ImageLane {
    const images = this.#images;
    return {
      get retryAfter() {
        return images.retryAfter;
      },
      encode: (image, caller, bytes) => this.#encode({ model, image }, caller, bytes),
      encodeCrop: (task, caller, bytes) => this.#encodeCrop({ model, ...task }, caller, bytes),
    };
  }

  /** As `NetworkLane.loadModel`; also starts the processes that decode images, once. */
  async loadModel(model: string, batch?: (provider: Provider) => number): Promise<Provider> {
    const [provider] = await Promise.all([
      this.#networks.loadModel(model, batch),
      this.#images.start(),
    ]);
    return provider;
  }

  /** As `loadModel`, of a detector, whose pictures run one by one whatever their batch. */
  async loadDetector(name: string): Promise<Provider> {
    const [provider] = await Promise.all([this.#networks.loadDetector(name), this.#images.start()]);
    return provider;
  }

  /** What a model that has been loaded computes in. */
  precisionOf(model: string): Promise<Precision> {
    return this.#networks.precisionOf(model);
  }

  /** As `NetworkLane.warmUp`. */
  warmUp(model: string): Promise<void> {
    return this.#networks.warmUp(model);
  }

  async close(): Promise<void> {
    await Promise.all([this.#images.close(), this.#networks.close()]);
  }

  /** As `Lane.stop`. */
  async stop(): Promise<void> {
    await Promise.all([this.#images.stop(), this.#networks.stop()]);
  }

  async #encode(
    task: Omit<ImageJob.PrepareTask, 'abortFlag'>,
    caller?: Caller,
    bytes?: number,
  ): Promise<Encoded> {
    const prepared = await withAbortFlag(caller?.signal, (abortFlag) =>
      this.#images.prepare({ ...task, abortFlag }, caller, bytes),
    );
    const others = total(this.#images.urgent) + total(this.#networks.urgent);
    const encoded = await this.#handingOn(this.#networks.encode(prepared, others, caller));
    return { ...encoded, warnings: prepared.warnings };
  }

  async #encodeCrop(
    task: Omit<ImageJob.PrepareTask, 'abortFlag'>,
    caller: Caller,
    bytes?: number,
  ): Promise<Encoded> {
    const prepared = await withAbortFlag(caller.signal, (abortFlag) =>
      this.#images.prepareCrop({ ...task, abortFlag }, caller, bytes),
    );
    return this.#handingOn(this.#networks.encodeCrop(prepared, caller));
  }

  async #handingOn(encoding: Promise<Encoded>): Promise<Encoded> {
    try {
      return await encoding;
    } finally {
      this.#images.resume();
    }
  }
}
