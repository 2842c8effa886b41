import { Tensor } from 'onnxruntime-node';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import { concat } from '../core/tensors/tensor.js';
import type { FloatTensor } from '../onnx/float-tensor.js';
import { DECODER, EMBEDDING_SHAPE } from '../sam/architecture.js';
import type { Weights } from '../sam/weights/weights.js';
import { trainable } from './graph/training-graph.js';
import type { LowResLabel } from './low-res-label.js';

/** A prompt in the model's frame. */
export interface FramePrompt {
  /** [N,2] and [N], as `promptTokens` makes them. */
  readonly coords: Float32Array;
  readonly labels: Float32Array;
  /** [256,256] logits of an earlier mask. */
  readonly mask?: Float32Array | undefined;
}

/** A prompt in the model's frame, and what its mask should be. */
export interface TrainingPrompt extends FramePrompt {
  readonly label: LowResLabel;
  /** Whether tokens 1 to 3 answer, and not token 0. */
  readonly multimask: boolean;
}

/** What the decoder answers to B prompts. */
export interface DecoderAnswer {
  /** [B,4,256,256] */
  readonly masks: Float32Array;
  /** [B,4] */
  readonly ious: Float32Array;
}

type Feeds = Record<string, Tensor>;

/** Weights as the inputs of a graph. */
export function weightFeeds(weights: Weights): Feeds {
  const tensors = trainable(weights).map((name) => {
    const { shape, data } = weights.get(name) as FloatTensor;
    return [name, new Tensor('float32', data, shape)] as const;
  });
  return Object.fromEntries(tensors);
}

/** Prompts of equally many tokens about one image, as the plain decoder takes them. @param embedding [1,256,64,64] */
export function promptFeeds(embedding: Float32Array, prompts: readonly FramePrompt[]): Feeds {
  const batch = prompts.length;
  const tokens = prompts[0]?.labels.length ?? 0;
  const mask = new Float32Array(batch * LOW_RES_LOGITS);
  for (const [i, prompt] of prompts.entries()) {
    if (prompt.mask) mask.set(prompt.mask, i * LOW_RES_LOGITS);
  }
  const coords = concat(prompts.map((prompt) => prompt.coords));
  const labels = concat(prompts.map((prompt) => prompt.labels));
  const hasMask = Float32Array.from(prompts, (prompt) => (prompt.mask ? 1 : 0));
  return {
    image_embeddings: new Tensor('float32', embedding, EMBEDDING_SHAPE),
    point_coords: new Tensor('float32', coords, [batch, tokens, 2]),
    point_labels: new Tensor('float32', labels, [batch, tokens]),
    mask_input: new Tensor('float32', mask, [batch, 1, LOW_RES_SIDE, LOW_RES_SIDE]),
    has_mask_input: new Tensor('float32', hasMask, [batch]),
  };
}

/** What their answers are compared with. */
export function labelFeeds(prompts: readonly TrainingPrompt[]): Feeds {
  const label = new Float32Array(prompts.length * LOW_RES_LOGITS);
  for (const [i, prompt] of prompts.entries()) label.set(prompt.label.cells, i * LOW_RES_LOGITS);
  const returned = prompts.flatMap(({ multimask }) => (multimask ? [0, 1, 1, 1] : [1, 0, 0, 0]));
  return {
    ...insideFeeds(prompts),
    label: new Tensor('float32', label, [prompts.length, 1, LOW_RES_LOGITS]),
    returned: new Tensor('float32', returned, [prompts.length, DECODER.maskTokens]),
  };
}

/** A teacher's answers to them. */
export function teacherFeeds(
  prompts: readonly TrainingPrompt[],
  { masks, ious }: DecoderAnswer,
): Feeds {
  const [batch, tokens] = [prompts.length, DECODER.maskTokens];
  return {
    ...insideFeeds(prompts),
    teacher_masks: new Tensor('float32', masks, [batch, tokens, LOW_RES_SIDE, LOW_RES_SIDE]),
    teacher_ious: new Tensor('float32', ious, [batch, tokens]),
  };
}

function insideFeeds(prompts: readonly TrainingPrompt[]): Feeds {
  const inside = new Float32Array(prompts.length * LOW_RES_LOGITS);
  for (const [i, { label }] of prompts.entries()) {
    for (let row = 0; row < label.rows; row++) {
      const start = i * LOW_RES_LOGITS + row * LOW_RES_SIDE;
      inside.fill(1, start, start + label.cols);
    }
  }
  return { inside: new Tensor('float32', inside, [prompts.length, 1, LOW_RES_LOGITS]) };
}
