import type { Caller } from '../core/caller.js';
import type {
  FindTask,
  Found,
  NamedBoxes,
  NameTask,
  Proposal,
  ProposeTask,
  TextLane,
} from '../core/find/find.js';
import type * as FindJob from './jobs/find-job.js';
import type { LaneOptions } from './lane-options.js';
import { NetworkLane } from './network-lane.js';

/** The lane that reads texts and finds what they name: one worker, whose cache of queries all requests share. */
export class FindLane
  extends NetworkLane<typeof FindJob, FindJob.FindSettings>
  implements TextLane
{
  constructor(options: LaneOptions<FindJob.FindSettings>) {
    super('find', new URL('./jobs/find-job.js', import.meta.url), options);
  }

  find(task: FindTask, caller: Caller): Promise<Found> {
    return this.runOne('find', { task }, caller);
  }

  name(task: NameTask, caller: Caller): Promise<NamedBoxes> {
    return this.runOne('name', { task }, caller);
  }

  propose(task: ProposeTask, caller: Caller): Promise<readonly Proposal[]> {
    return this.runOne('propose', { task }, caller);
  }
}
