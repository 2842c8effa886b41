import type { Provider } from '../core/device.js';
import type { Encoded, ImageLane, PictureMaker } from '../core/ports.js';
import type * as EncodeJob from './encode-job.js';
import type * as ImageJob from './image-job.js';
import { withDeparture } from './images/departure.js';
import { Lane } from './lane.js';
import type { LaneOptions } from './lane-options.js';

/** Where images are decoded and resized. */
class Images extends Lane<typeof ImageJob, ImageJob.ImageSettings> {
  async prepare(task: ImageJob.PrepareTask, signal?: AbortSignal): Promise<ImageJob.Prepared> {
    const [prepared] = await this.run('prepare', [{ task }], signal);
    return prepared as ImageJob.Prepared;
  }

  prepareCrop(task: ImageJob.PrepareTask, signal: AbortSignal): Promise<ImageJob.Prepared> {
    return this.runPatiently('prepare', { task }, signal);
  }
}

/** Where networks run: few workers with many threads each, or one with a GPU. */
class Networks extends Lane<typeof EncodeJob, EncodeJob.EncodeSettings> {
  async encode(task: ImageJob.Prepared, signal?: AbortSignal): Promise<Encoded> {
    const [encoded] = await this.run('encode', [errand(task)], signal);
    return encoded as Encoded;
  }

  encodeCrop(task: ImageJob.Prepared, signal: AbortSignal): Promise<Encoded> {
    return this.runPatiently('encode', errand(task), signal);
  }
}

function errand(task: ImageJob.Prepared) {
  return { task, group: task.model, transfer: [task.input.buffer] };
}

/**
 * The lane that looks at images. `session.run` blocks its thread, so that the next image is prepared in another
 * worker while the network is busy with the one before.
 */
export class EncodeLane {
  readonly #images: Images;
  readonly #networks: Networks;

  constructor(options: LaneOptions<EncodeJob.EncodeSettings & ImageJob.ImageSettings>) {
    const { models, image, ...settings } = options.settings;
    this.#networks = new Networks('encode', new URL('./encode-job.js', import.meta.url), {
      ...options,
      queueLimit: Number.POSITIVE_INFINITY, // the lane before it counts its tasks
      settings: { models, ...settings },
    });
    this.#images = new Images('encode', new URL('./image-job.js', import.meta.url), {
      ...options,
      settings: { models, image },
      // What an image went through is told once, with its embedding.
      onTask: (task) => options.onTask?.({ ...task, timings: undefined }),
      next: this.#networks,
    });
  }

  /** Tasks that wait and workers that run some, of both kinds. */
  get load(): { waiting: number; running: number } {
    const [images, networks] = [this.#images.load, this.#networks.load];
    return {
      waiting: images.waiting + networks.waiting,
      running: images.running + networks.running,
    };
  }

  /**
   * The lane as the embeddings of one model see it.
   * @param pictures who makes the pictures.
   */
  of(model: string, pictures: PictureMaker): ImageLane {
    const lane = this;
    return {
      checkRoom: () => lane.#images.checkRoom(),
      get retryAfter() {
        return lane.#images.retryAfter;
      },
      encode: (image, signal) => this.#encode({ model, image }, signal),
      encodeCrop: (task, signal) => this.#encodeCrop({ model, ...task }, signal),
      overlay: (task, signal) => pictures.overlay(task, signal),
      cutOut: (task, signal) => pictures.cutOut(task, signal),
    };
  }

  /** As `Lane.loadModel`. */
  async loadModel(model: string, batch?: (provider: Provider) => number): Promise<Provider> {
    const [provider] = await Promise.all([
      this.#networks.loadModel(model, batch),
      this.#images.loadModel(model),
    ]);
    return provider;
  }

  /** As `Lane.warmUp`. */
  warmUp(model: string): Promise<void> {
    return this.#networks.warmUp(model);
  }

  async close(): Promise<void> {
    await Promise.all([this.#images.close(), this.#networks.close()]);
  }

  async #encode(task: Omit<ImageJob.PrepareTask, 'left'>, signal?: AbortSignal): Promise<Encoded> {
    const prepared = await withDeparture(signal, (left) =>
      this.#images.prepare({ ...task, left }, signal),
    );
    return this.#handingOn(this.#networks.encode(prepared, signal));
  }

  async #encodeCrop(
    task: Omit<ImageJob.PrepareTask, 'left'>,
    signal: AbortSignal,
  ): Promise<Encoded> {
    const prepared = await withDeparture(signal, (left) =>
      this.#images.prepareCrop({ ...task, left }, signal),
    );
    return this.#handingOn(this.#networks.encodeCrop(prepared, signal));
  }

  async #handingOn(encoding: Promise<Encoded>): Promise<Encoded> {
    try {
      return await encoding;
    } finally {
      this.#images.resume();
    }
  }
}
