import type { Decoded, DecodeTask, PromptLane } from '../core/ports.js';
import type * as DecodeJob from './decode-job.js';
import { Lane, type LaneOptions } from './lane.js';

/** The lane that answers prompts: several workers with few threads each. */
export class DecodeLane
  extends Lane<typeof DecodeJob, DecodeJob.DecodeSettings>
  implements PromptLane
{
  constructor(options: LaneOptions<DecodeJob.DecodeSettings>) {
    super('decode', new URL('./decode-job.js', import.meta.url), options);
  }

  decode(tasks: readonly DecodeTask[], signal?: AbortSignal): Promise<Decoded[]> {
    return this.run('decode', tasks, signal);
  }
}
