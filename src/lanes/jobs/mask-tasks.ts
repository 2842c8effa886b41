import { FAMILY_TRAITS } from '../../core/family/family.js';
import { familyOf, frameOf, type ModelManifest } from '../../core/family/model.js';
import type { ImageSize } from '../../core/image.js';
import type { FoundMask, MaskFormat, UncutMask } from '../../core/mask.js';
import { handedOut, LOW_RES_SIDE } from '../../core/masks/low-res-mask.js';
import { named } from '../../core/masks/mask-name.js';
import { serializeMask } from '../../core/masks/mask-shape.js';
import type { CutTask, MaskOptions, WriteTask } from '../../core/ports.js';
import {
  BYTES_PER_ELEMENT,
  type Dtype,
  readFloats,
  type Tensor,
  writeFloats,
} from '../../core/tensors/tensor.js';
import { encodeMask } from '../../masks/formats/formats.js';
import { type MeasuredMask, measureMask } from '../../masks/mask.js';
import { modelOf } from './decoders.js';
import { moved } from './moved.js';
import { type Outcome, settle } from './outcome.js';
import { inSlice } from './slice.js';

/** Masks that take no more in the answer are written at once: one string costs the main thread less than a tree. */
const SMALL_STRING = 4 * 2 ** 20;
const SMALL_TREE = 2 ** 19;
const STRINGS: readonly MaskFormat[] = ['rle', 'png', 'svg'];

/** Masks of 256x256 -> masks of the image's size: the first of each task's, as many as fit a slice. */
export function cut(tasks: readonly CutTask[]): Promise<Outcome<readonly FoundMask[]>[]> {
  return Promise.all(tasks.map((task) => settle(() => cutSome(task))));
}

function cutSome({ masks, model, image, options }: CutTask): Promise<FoundMask[]> {
  const { manifest } = modelOf(model);
  return inSlice(masks, ({ uncut, predicted_iou }) => {
    const logits = readFloats(uncut.bytes, 'float32');
    return findMask(logits, predicted_iou, image, manifest, options);
  });
}

/** A mask of the decoder at its image's size, written where that is little. @param logits [256,256] */
export async function findMask(
  logits: Float32Array,
  predictedIou: number,
  image: ImageSize,
  manifest: ModelManifest,
  options: MaskOptions,
): Promise<FoundMask> {
  const mask = measureMask(logits, predictedIou, image, frameOf(manifest), options);
  const { format, returnLogits, keepLogits, logitsDtype } = options;
  const { logitsLimit } = FAMILY_TRAITS[familyOf(manifest.architecture)];
  const shared = (dtype: Dtype) => share(handedOut(logits, logitsLimit), dtype);
  const answered = returnLogits || format === 'logits' ? shared(logitsDtype) : undefined;
  const exact = logitsDtype === 'float32' ? answered : undefined;
  return {
    ...mask.scores,
    ...(format !== 'logits' && (await pixelsOf(mask, image, options))),
    ...(answered && { logits: answered }),
    ...(keepLogits && { kept: exact ?? shared('float32') }),
    bytes: mask.bytes,
  };
}

/** A small mask as it is answered, a large one as its runs; what will be cut out as the short string it is cut by. */
async function pixelsOf(
  mask: MeasuredMask,
  image: ImageSize,
  options: MaskOptions,
): Promise<Pick<FoundMask, 'segmentation' | 'runs'>> {
  const small = STRINGS.includes(options.format) ? SMALL_STRING : SMALL_TREE;
  if (mask.bytes <= small || options.format === 'cutout') {
    return { segmentation: await segmentationOf(mask, image, options) };
  }
  const { counts } = mask;
  const runs = new Uint32Array(new SharedArrayBuffer(4 * counts.length));
  runs.set(counts);
  return { runs };
}

/** Masks written as they go into the answer. */
export async function write(tasks: readonly WriteTask[]): Promise<Outcome<Uint8Array>[]> {
  const outcomes = await Promise.all(tasks.map((task) => settle(() => writeOne(task))));
  return moved(
    outcomes,
    outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value.buffer] : [])),
  );
}

async function writeOne({
  mask,
  image,
  options,
  shape,
  prompt,
  name,
}: WriteTask): Promise<Uint8Array> {
  const { runs = [], predicted_iou, stability_score, bbox, area } = mask;
  const scores = { predicted_iou, stability_score, bbox, area };
  const segmentation = await segmentationOf({ counts: Array.from(runs), scores }, image, options);
  const written = name ? named(segmentation, name) : segmentation;
  // In memory of its own, not a part of Node's pool, as it leaves this thread.
  return new Uint8Array(Buffer.from(serializeMask(written, shape, prompt) as string));
}

function segmentationOf(
  { counts, scores }: Pick<MeasuredMask, 'counts' | 'scores'>,
  image: ImageSize,
  options: MaskOptions,
) {
  return encodeMask({ counts, image, options, properties: { ...scores } });
}

/** A mask that is left when its decode's slice is over. */
export function uncutMask(logits: Float32Array, predicted_iou: number): UncutMask {
  return { predicted_iou, uncut: share(logits, 'float32') };
}

/** Logits [256,256] in memory of their own that every thread reads. */
function share(logits: Float32Array, dtype: Dtype): Tensor {
  const buffer = new SharedArrayBuffer(logits.length * BYTES_PER_ELEMENT[dtype]);
  return { dtype, shape: [LOW_RES_SIDE, LOW_RES_SIDE], bytes: writeFloats(logits, dtype, buffer) };
}
