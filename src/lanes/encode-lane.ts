import type { Encoded, ImageLane, OverlayTask } from '../core/ports.js';
import type * as EncodeJob from './encode-job.js';
import { Lane, type LaneOptions } from './lane.js';

/** The lane that looks at images: few workers with many threads each, or one with a GPU. */
export class EncodeLane
  extends Lane<typeof EncodeJob, EncodeJob.EncodeSettings>
  implements ImageLane
{
  constructor(options: LaneOptions<EncodeJob.EncodeSettings>) {
    super('encode', new URL('./encode-job.js', import.meta.url), options);
  }

  async encode(image: Uint8Array, signal?: AbortSignal): Promise<Encoded> {
    const [encoded] = await this.run('encode', [{ task: image }], signal);
    return encoded as Encoded;
  }

  async overlay(task: OverlayTask, signal?: AbortSignal): Promise<Uint8Array> {
    const [picture] = await this.run('overlay', [{ task }], signal);
    return picture as Uint8Array;
  }
}
