import type { CropTask, CutoutTask, Encoded, ImageLane, OverlayTask } from '../core/ports.js';
import type * as EncodeJob from './encode-job.js';
import { Lane, type LaneOptions } from './lane.js';

/** The lane that looks at images: few workers with many threads each, or one with a GPU. */
export class EncodeLane extends Lane<typeof EncodeJob, EncodeJob.EncodeSettings> {
  readonly #models: EncodeJob.EncodeSettings['models'];

  constructor(options: LaneOptions<EncodeJob.EncodeSettings>) {
    super('encode', new URL('./encode-job.js', import.meta.url), options);
    this.#models = options.settings.models;
  }

  /** The lane as the embeddings of one model see it. */
  of(model: string): ImageLane {
    return {
      encode: (image, signal) => this.#encode(model, image, signal),
      encodeCrop: (task, signal) => this.#encodeCrop(model, task, signal),
      overlay: (task, signal) => this.#overlay(task, signal),
      cutOut: (task, signal) => this.#cutOut(task, signal),
    };
  }

  async #encode(model: string, image: Uint8Array, signal?: AbortSignal): Promise<Encoded> {
    const manifest = this.#models[model]?.manifest;
    // A graph that came as a file takes one image; one that is written here any number.
    const group = manifest && 'checkpoint' in manifest ? { group: model } : {};
    const [encoded] = await this.run('encode', [{ task: { model, image }, ...group }], signal);
    return encoded as Encoded;
  }

  #encodeCrop(model: string, task: CropTask, signal: AbortSignal): Promise<Encoded> {
    return this.runPatiently('encode', { task: { model, ...task } }, signal);
  }

  async #overlay(task: OverlayTask, signal?: AbortSignal): Promise<Uint8Array> {
    const [picture] = await this.run('overlay', [{ task }], signal);
    return picture as Uint8Array;
  }

  async #cutOut(task: CutoutTask, signal?: AbortSignal): Promise<Uint8Array[]> {
    const [pictures] = await this.run('cutOut', [{ task }], signal);
    return pictures as Uint8Array[];
  }
}
