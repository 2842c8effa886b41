import type { Caller } from '../core/caller.js';
import type { PictureMaker, PictureTask } from '../core/ports.js';
import { withAbortFlag } from './images/abort-flag.js';
import type * as ImageJob from './jobs/image-job.js';
import { Lane } from './lane.js';
import type { LaneOptions } from './lane-options.js';
import type { Load } from './load.js';

/** Workers with the job of those that prepare images, for its other tasks. */
class Pictures extends Lane<typeof ImageJob, ImageJob.ImageSettings> {
  draw(task: ImageJob.DrawTask, caller?: Caller, bytes = 0): Promise<readonly Uint8Array[]> {
    return this.runOne('draw', { task, bytes }, caller);
  }
}

/**
 * Where photographs are drawn on and cut, apart from where they are prepared for networks: no upload waits for a
 * picture. Its workers start with the first.
 */
export class PictureLane implements PictureMaker {
  readonly #options: LaneOptions<ImageJob.ImageSettings>;
  #pictures: Pictures | undefined;

  constructor(options: LaneOptions<ImageJob.ImageSettings>) {
    this.#options = options;
  }

  /** Tasks that wait and workers that run some. */
  get load(): Load {
    return this.#pictures?.load ?? { waiting: 0, running: 0 };
  }

  /** As `Lane.retryAfter`. */
  get retryAfter(): number {
    return this.#started().retryAfter;
  }

  draw(task: PictureTask, caller?: Caller, bytes = 0): Promise<readonly Uint8Array[]> {
    return withAbortFlag(caller?.signal, (abortFlag) =>
      this.#started().draw({ ...task, abortFlag }, caller, bytes),
    );
  }

  async close(): Promise<void> {
    await this.#pictures?.close();
  }

  /** As `Lane.stop`. */
  async stop(): Promise<void> {
    await this.#pictures?.stop();
  }

  #started(): Pictures {
    const job = new URL('./jobs/image-job.js', import.meta.url);
    this.#pictures ??= new Pictures('picture', job, this.#options);
    return this.#pictures;
  }
}
