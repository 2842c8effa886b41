import type {
  Candidate,
  Candidates,
  CandidatesTask,
  EverythingMask,
  RenderTask,
  Suppressed,
  SuppressTask,
  Tidied,
  TidyTask,
} from '../../core/everything.js';
import { FAMILY_TRAITS } from '../../core/family.js';
import { familyOf, frameOf } from '../../core/model.js';
import type { Point } from '../../core/prompt.js';
import { AMBIGUOUS_MASKS } from '../../core/prompt.js';
import { concat } from '../../core/tensor.js';
import { boxNms } from '../../masks/box-nms.js';
import { candidateOf, renderCandidate, tidyMask } from '../../masks/candidates.js';
import { promptTokens } from '../../sam/decoder/prompt-tokens.js';
import { contextOf, modelOf, open } from './decoders.js';
import { type Outcome, settle } from './outcome.js';
import { inSlice, sliceIsOver } from './slice.js';

/** Points of grids -> those of their masks that pass the thresholds. */
export function candidates(tasks: readonly CandidatesTask[]): Promise<Outcome<Candidates>[]> {
  return Promise.all(tasks.map((task) => settle(() => candidatesOf(task))));
}

async function candidatesOf(task: CandidatesTask): Promise<Candidates> {
  const start = performance.now();
  const { embedding, crop, points, parameters } = task;
  const { manifest } = modelOf(embedding.model);
  const frame = frameOf(manifest);
  const layout = FAMILY_TRAITS[familyOf(manifest.architecture)].prompt;
  const tokens = points.map(([x, y]) => {
    const prompt = { point_coords: [[x - crop[0], y - crop[1]]], point_labels: [1] } as const;
    return promptTokens(prompt, embedding.image, frame, layout);
  });
  const batch = {
    coords: concat(tokens.map(({ coords }) => coords)),
    labels: concat(tokens.map(({ labels }) => labels)),
    prompts: points.length,
  };
  const network = await open(embedding.model);
  const { context } = await contextOf(embedding);
  const likely = await network.candidates(context, batch, parameters.pred_iou_thresh);
  const decoded = performance.now();
  const found: Candidate[] = [];
  let last = -1;
  let answered = points.length;
  for (const { logits, predictedIou, token } of likely) {
    const at = Math.floor(token / AMBIGUOUS_MASKS);
    // On the largest images a mask takes longer than a click: what is left of the points is asked again. As the network
    // then runs again, the masks may take as long as it did.
    if (at > 0 && sliceIsOver(decoded, decoded - start) && at !== last) {
      answered = at;
      break;
    }
    last = at;
    const candidate = candidateOf(logits, predictedIou, points[at] as Point, task, frame);
    if (candidate) found.push(candidate);
  }
  const timings = { decode_ms: decoded - start, masks_ms: performance.now() - decoded };
  return { candidates: found, points: answered, timings };
}

export function suppress(tasks: readonly SuppressTask[]): Promise<Outcome<Suppressed>[]> {
  const start = performance.now();
  return Promise.all(
    tasks.map((task) => settle(async () => boxNms(task, () => sliceIsOver(start)))),
  );
}

export function tidy(tasks: readonly TidyTask[]): Promise<Outcome<readonly Tidied[]>[]> {
  return Promise.all(
    tasks.map(({ counts, ...task }) =>
      settle(() => inSlice(counts, (text) => tidyMask(text, task))),
    ),
  );
}

export function render(
  tasks: readonly RenderTask[],
): Promise<Outcome<readonly EverythingMask[]>[]> {
  return Promise.all(
    tasks.map((task) =>
      settle(() => inSlice(task.candidates, (candidate) => renderCandidate(candidate, task))),
    ),
  );
}
