import { entryName } from '../../core/embedding.js';
import type {
  Candidate,
  Candidates,
  CandidatesTask,
  ChooseTask,
  Chosen,
  EverythingMask,
  RenderTask,
  Seed,
  Suppressed,
  SuppressTask,
  Tidied,
  TidyTask,
} from '../../core/everything.js';
import { FAMILY_TRAITS } from '../../core/family/family.js';
import { familyOf, frameOf } from '../../core/family/model.js';
import { AMBIGUOUS_MASKS, type Box, type Prompt } from '../../core/prompt.js';
import { concat, type Tensor } from '../../core/tensors/tensor.js';
import { nameOf } from '../../detections/naming.js';
import type {
  ImageContext,
  LikelyMask,
  MaskDecoder,
  PromptBatch,
} from '../../engine/mask-decoder.js';
import { boxNms } from '../../masks/box-nms.js';
import { candidateOf, renderCandidate, tidyMask } from '../../masks/candidates.js';
import { chooseNext } from '../../masks/novelty/novelty.js';
import { featuresAt, type PointFeatures } from '../../masks/novelty/point-features.js';
import { promptTokens } from '../../sam/decoder/prompt-tokens.js';
import { contextOf, modelOf, open } from './decoders.js';
import { type Outcome, settle } from './outcome.js';
import { inSlice, sliceIsOver } from './slice.js';

/** Seeds -> those of their masks that pass the thresholds. */
export function candidates(tasks: readonly CandidatesTask[]): Promise<Outcome<Candidates>[]> {
  return Promise.all(tasks.map((task) => settle(() => candidatesOf(task))));
}

async function candidatesOf(task: CandidatesTask): Promise<Candidates> {
  const start = performance.now();
  const { embedding, crop, seeds } = task;
  const { manifest } = modelOf(embedding.model);
  const frame = frameOf(manifest);
  const layout = FAMILY_TRAITS[familyOf(manifest.architecture)].prompt;
  const tokens = seeds.map((seed) =>
    promptTokens(promptOf(seed, crop), embedding.image, frame, layout),
  );
  const batch = {
    coords: concat(tokens.map(({ coords }) => coords)),
    labels: concat(tokens.map(({ labels }) => labels)),
    prompts: seeds.length,
  };
  const network = await open(embedding.model);
  const { context } = await contextOf(embedding);
  const likely = await likelyMasks(network, context, batch, task);
  const decoded = performance.now();
  const found: Candidate[] = [];
  let last = -1;
  let answered = seeds.length;
  for (const { logits, predictedIou, token } of likely) {
    const at = Math.floor(token / AMBIGUOUS_MASKS);
    // On the largest images a mask takes longer than a click: what is left of the seeds is asked again. As the network
    // then runs again, the masks may take as long as it did.
    if (at > 0 && sliceIsOver(decoded, decoded - start) && at !== last) {
      answered = at;
      break;
    }
    last = at;
    const candidate = candidateOf(logits, predictedIou, seeds[at] as Seed, task, frame);
    if (candidate) found.push(candidate);
  }
  const timings = { decode_ms: decoded - start, masks_ms: performance.now() - decoded };
  return { candidates: found, seeds: answered, timings };
}

function promptOf(seed: Seed, [left, top]: Box): Prompt {
  if ('box' in seed) {
    const [x1, y1, x2, y2] = seed.box;
    return { box: [x1 - left, y1 - top, x2 - left, y2 - top] };
  }
  const [x, y] = seed.point;
  return { point_coords: [[x - left, y - top]], point_labels: [1] };
}

/** Those whose predicted IoU is above the threshold: of a point's three masks, and of the one of a box. */
async function likelyMasks(
  network: MaskDecoder,
  context: ImageContext,
  batch: PromptBatch,
  { seeds, parameters: { pred_iou_thresh } }: CandidatesTask,
): Promise<LikelyMask[]> {
  if (!seeds.some((seed) => 'box' in seed)) {
    return network.candidates(context, batch, pred_iou_thresh);
  }
  const masks = await network.run(context, batch, false);
  return masks
    .map((mask, i) => ({ ...mask, token: AMBIGUOUS_MASKS * i }))
    .filter(({ predictedIou }) => predictedIou > pred_iou_thresh);
}

/** The grid that was looked at last: its tasks come one after the other. */
let latest: { readonly of: string; readonly features: PointFeatures } | undefined;

export function choose(tasks: readonly ChooseTask[]): Promise<Outcome<Chosen>[]> {
  return Promise.all(
    tasks.map((task) =>
      settle(async () => chooseNext(task, pointFeatures(task), task.image.height)),
    ),
  );
}

function pointFeatures({ embedding, crop: [left, top], points }: ChooseTask): PointFeatures {
  const of = `${entryName(embedding)} ${points.length}`;
  if (latest?.of !== of) {
    const frame = frameOf(modelOf(embedding.model).manifest);
    const own = points.map((value, i) => value - (i % 2 ? top : left));
    // The other tensors of a SAM 2 are of its early layers.
    const [tensor] = Object.values(embedding.tensors) as [Tensor];
    latest = { of, features: featuresAt(tensor, embedding.image, frame, own) };
  }
  return latest.features;
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
      settle(() =>
        inSlice(task.candidates, (candidate) =>
          renderCandidate(candidate, task, ({ bbox: [x, y, width, height] }) =>
            task.names ? nameOf([x, y, x + width, y + height], task.names) : undefined,
          ),
        ),
      ),
    ),
  );
}
