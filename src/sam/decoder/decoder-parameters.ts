import type { Family } from '../../core/family.js';
import { DECODER } from '../architecture.js';

/**
 * Every weight of the prompt encoder and the mask decoder, by its name in segment-anything's state
 * dict, with its shape; SAM 2 has those and more. The shapes are those of the state dict but for linear
 * layers: their weights are [in, out], as a MatMul from the left wants them, where PyTorch has [out, in].
 */
export function decoderParameters(family: Family = 'sam'): ReadonlyMap<string, readonly number[]> {
  const added = family === 'sam2' ? inside('mask_decoder', sam2MaskDecoder()) : {};
  return new Map([
    ...Object.entries(inside('prompt_encoder', promptEncoder())),
    ...Object.entries(inside('mask_decoder', maskDecoder())),
    ...Object.entries(added),
  ]);
}

type Shapes = Record<string, readonly number[]>;

const { dim, maskTokens, headDepth } = DECODER;

function promptEncoder(): Shapes {
  const [first, second] = DECODER.maskChannels;
  const pointEmbeddings = Array.from({ length: DECODER.pointLabels }, (_, label) =>
    inside(`point_embeddings.${label}`, { weight: [1, dim] }),
  );
  return Object.assign(
    { 'pe_layer.positional_encoding_gaussian_matrix': [2, dim / 2] },
    ...pointEmbeddings,
    inside('not_a_point_embed', { weight: [1, dim] }),
    inside('no_mask_embed', { weight: [1, dim] }),
    inside('mask_downscaling.0', { weight: [first, 1, 2, 2], bias: [first] }),
    inside('mask_downscaling.1', norm(first)),
    inside('mask_downscaling.3', { weight: [second, first, 2, 2], bias: [second] }),
    inside('mask_downscaling.4', norm(second)),
    inside('mask_downscaling.6', { weight: [dim, second, 1, 1], bias: [dim] }),
  );
}

function maskDecoder(): Shapes {
  const [first, second] = DECODER.upscaledChannels;
  const hypernetworks = Array.from({ length: maskTokens }, (_, token) =>
    inside(`output_hypernetworks_mlps.${token}`, mlp(second)),
  );
  return Object.assign(
    inside('iou_token', { weight: [1, dim] }),
    inside('mask_tokens', { weight: [maskTokens, dim] }),
    inside('transformer', transformer()),
    inside('output_upscaling.0', { weight: [dim, first, 2, 2], bias: [first] }),
    inside('output_upscaling.1', norm(first)),
    inside('output_upscaling.3', { weight: [first, second, 2, 2], bias: [second] }),
    ...hypernetworks,
    inside('iou_prediction_head', mlp(maskTokens)),
  );
}

/** What SAM 2's mask decoder has besides; `conv_s0` and `conv_s1` run with the image encoder. */
function sam2MaskDecoder(): Shapes {
  const [first, second] = DECODER.upscaledChannels;
  return Object.assign(
    inside('obj_score_token', { weight: [1, dim] }),
    inside('pred_obj_score_head', mlp(1)),
    inside('conv_s0', { weight: [second, dim, 1, 1], bias: [second] }),
    inside('conv_s1', { weight: [first, dim, 1, 1], bias: [first] }),
  );
}

function transformer(): Shapes {
  const { depth, mlpDim, attentionDownsampleRate } = DECODER.transformer;
  const crossDim = dim / attentionDownsampleRate;
  const layers = Array.from({ length: depth }, (_, layer) =>
    inside(
      `layers.${layer}`,
      Object.assign(
        inside('self_attn', attention(dim)),
        inside('norm1', norm(dim)),
        inside('cross_attn_token_to_image', attention(crossDim)),
        inside('norm2', norm(dim)),
        inside('mlp.lin1', linear(dim, mlpDim)),
        inside('mlp.lin2', linear(mlpDim, dim)),
        inside('norm3', norm(dim)),
        inside('cross_attn_image_to_token', attention(crossDim)),
        inside('norm4', norm(dim)),
      ),
    ),
  );
  return Object.assign(
    {},
    ...layers,
    inside('final_attn_token_to_image', attention(crossDim)),
    inside('norm_final_attn', norm(dim)),
  );
}

function attention(internalDim: number): Shapes {
  return Object.assign(
    inside('q_proj', linear(dim, internalDim)),
    inside('k_proj', linear(dim, internalDim)),
    inside('v_proj', linear(dim, internalDim)),
    inside('out_proj', linear(internalDim, dim)),
  );
}

function mlp(outputs: number): Shapes {
  const layers = Array.from({ length: headDepth }, (_, layer) =>
    inside(`layers.${layer}`, linear(dim, layer === headDepth - 1 ? outputs : dim)),
  );
  return Object.assign({}, ...layers);
}

function linear(inputs: number, outputs: number): Shapes {
  return { weight: [inputs, outputs], bias: [outputs] };
}

function norm(channels: number): Shapes {
  return { weight: [channels], bias: [channels] };
}

function inside(scope: string, shapes: Shapes): Shapes {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [`${scope}.${name}`, shape]),
  );
}
