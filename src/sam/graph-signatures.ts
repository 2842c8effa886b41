import type { Family } from '../core/family.js';
import type { DecoderSignatures, GraphTensor } from '../core/graph-signature.js';
import { DECODER, EMBEDDING_TENSORS } from './architecture.js';
import { CONTEXT_SHAPES } from './decoder/image-context.js';

const { maskSide: SIDE } = DECODER;

/** What `buildContext` and `buildDecoder` write for clients takes and gives; a test holds them together. */
export function decoderSignatures(family: Family): DecoderSignatures {
  const context = named(CONTEXT_SHAPES[family]);
  const prompts = named({ point_coords: ['B', 'N', 2], point_labels: ['B', 'N'] });
  const masks = named({ low_res_masks: ['B', 'M', SIDE, SIDE], iou_predictions: ['B', 'M'] });
  const scores = family === 'sam2' ? named({ object_score_logits: ['B', 1] }) : [];
  return {
    context: { inputs: named(EMBEDDING_TENSORS[family]), outputs: context },
    decoder: {
      inputs: [
        ...context,
        ...prompts,
        { name: 'multimask_output', dtype: 'bool', shape: [1] },
        ...named({ mask_input: ['B', 1, SIDE, SIDE] }),
      ],
      outputs: [...masks, ...scores],
    },
  };
}

function named(shapes: Readonly<Record<string, GraphTensor['shape']>>): GraphTensor[] {
  return Object.entries(shapes).map(([name, shape]) => ({ name, dtype: 'float32', shape }));
}
