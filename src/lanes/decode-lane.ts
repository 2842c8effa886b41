import type { Caller } from '../core/caller.js';
import { entryName } from '../core/embedding.js';
import type {
  Candidates,
  CandidatesTask,
  ChooseTask,
  Chosen,
  EverythingLane,
  EverythingMask,
  RenderTask,
  Suppressed,
  SuppressTask,
  Tidied,
  TidyTask,
} from '../core/everything.js';
import type { FoundMask } from '../core/mask.js';
import type {
  CutTask,
  Decoded,
  DecoderGraph,
  DecodeTask,
  PromptLane,
  WriteTask,
} from '../core/ports.js';
import type * as DecodeJob from './jobs/decode-job.js';
import type { DecodeSettings } from './jobs/decoders.js';
import type { LaneOptions } from './lane-options.js';
import { NetworkLane } from './network-lane.js';

/** The lane that answers prompts: several workers with few threads each. */
export class DecodeLane
  extends NetworkLane<typeof DecodeJob, DecodeSettings>
  implements PromptLane, EverythingLane
{
  constructor(options: LaneOptions<DecodeSettings>) {
    super('decode', new URL('./jobs/decode-job.js', import.meta.url), options);
  }

  /** Tasks about one image go to a worker that has its context, and together where that is faster. */
  decode(tasks: readonly DecodeTask[], caller?: Caller): Promise<Decoded[]> {
    const prepared = tasks.map((task) => {
      const affinityKey = entryName(task.embedding);
      return { task, affinityKey, group: `${affinityKey}/${task.batch}` };
    });
    return this.run('decode', prepared, caller);
  }

  cut(task: CutTask, caller: Caller): Promise<readonly FoundMask[]> {
    return this.runInBackground('cut', { task }, caller);
  }

  write(task: WriteTask, caller: Caller): Promise<Uint8Array> {
    return this.runInBackground('write', { task }, caller);
  }

  graph(graph: DecoderGraph): Promise<Uint8Array> {
    return this.runOne('graph', { task: graph });
  }

  candidates(task: CandidatesTask, caller: Caller): Promise<Candidates> {
    return this.runInBackground(
      'candidates',
      { task, affinityKey: entryName(task.embedding) },
      caller,
    );
  }

  choose(task: ChooseTask, caller: Caller): Promise<Chosen> {
    return this.runInBackground('choose', { task, affinityKey: entryName(task.embedding) }, caller);
  }

  suppress(task: SuppressTask, caller: Caller): Promise<Suppressed> {
    return this.runInBackground('suppress', { task }, caller);
  }

  tidy(task: TidyTask, caller: Caller): Promise<readonly Tidied[]> {
    return this.runInBackground('tidy', { task }, caller);
  }

  render(task: RenderTask, caller: Caller): Promise<readonly EverythingMask[]> {
    return this.runInBackground('render', { task }, caller);
  }
}
