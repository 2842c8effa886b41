import { Graph } from '../../../onnx/graph.js';
import type { Parameters } from '../../../onnx/graph-draft.js';
import type { ModelProto } from '../../../onnx/proto.js';
import { DECODER, EMBEDDING_TENSORS, type HieraVariant } from '../../architecture.js';
import { fpnNeck } from './fpn-neck.js';
import { hiera } from './hiera.js';
import type { HieraAttention } from './multi-scale-attention.js';

/**
 * SAM 2's image encoder as an ONNX model: Hiera and a feature pyramid.
 *
 * Input `input` [B,3,1024,1024], stretched and normalised. Outputs `image_embed` [B,256,64,64], `high_res_s0`
 * [B,32,256,256] and `high_res_s1` [B,64,128,128]: what the image predictor keeps of an image.
 * @param parameters by Meta's names, as PyTorch has them; those of the mask decoder by SAM's (`names.ts`).
 * @throws Error naming a weight that is missing.
 */
export function buildSam2Encoder(
  variant: HieraVariant,
  parameters: Parameters,
  attention: HieraAttention,
): ModelProto {
  const g = Graph.create('sam2_image_encoder', parameters);
  const image = g.input('input', ['B', 3, DECODER.imageSize, DECODER.imageSize]);
  const stages = hiera(g.scope('image_encoder.trunk'), image, variant, attention);
  const { imageEmbed, highResS0, highResS1 } = fpnNeck(g, stages, variant);
  const { image_embed, high_res_s0, high_res_s1 } = EMBEDDING_TENSORS.sam2;
  g.output('image_embed', imageEmbed, ['B', ...image_embed.slice(1)]);
  g.output('high_res_s0', highResS0, ['B', ...high_res_s0.slice(1)]);
  g.output('high_res_s1', highResS1, ['B', ...high_res_s1.slice(1)]);
  return g.toModel();
}
