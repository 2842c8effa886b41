import t from 'tap';
import { segmentAnythingNames } from '#src/checkpoint/names.js';

t.test("Hugging Face's names", async (t) => {
  const names = {
    'vision_encoder.pos_embed': 'image_encoder.pos_embed',
    'vision_encoder.layers.11.layer_norm1.weight': 'image_encoder.blocks.11.norm1.weight',
    'vision_encoder.layers.0.mlp.lin1.bias': 'image_encoder.blocks.0.mlp.lin1.bias',
    'vision_encoder.neck.layer_norm2.bias': 'image_encoder.neck.3.bias',
    'shared_image_embedding.positional_embedding':
      'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix',
    'prompt_encoder.mask_embed.conv3.bias': 'prompt_encoder.mask_downscaling.6.bias',
    'mask_decoder.transformer.layers.1.layer_norm4.weight':
      'mask_decoder.transformer.layers.1.norm4.weight',
    'mask_decoder.transformer.layer_norm_final_attn.weight':
      'mask_decoder.transformer.norm_final_attn.weight',
    'mask_decoder.iou_prediction_head.proj_in.weight':
      'mask_decoder.iou_prediction_head.layers.0.weight',
    'mask_decoder.iou_prediction_head.layers.0.weight':
      'mask_decoder.iou_prediction_head.layers.1.weight',
    'mask_decoder.output_hypernetworks_mlps.3.proj_out.bias':
      'mask_decoder.output_hypernetworks_mlps.3.layers.2.bias',
  };
  const renamed = segmentAnythingNames(new Map(Object.entries(names)));
  for (const [name, expected] of renamed) t.equal(name, expected);
});

t.test("segment-anything's own names stay, without what training wraps around them", async (t) => {
  const own = 'mask_decoder.iou_prediction_head.layers.0.weight';
  for (const wrapper of ['', 'module.', 'model.', 'module._orig_mod.', 'sam.']) {
    t.same([...segmentAnythingNames(new Map([[wrapper + own, 1]])).keys()], [own]);
  }
});

t.test("SAM 2's names are SAM's where it has the same", async (t) => {
  const names = {
    'sam_prompt_encoder.no_mask_embed.weight': 'prompt_encoder.no_mask_embed.weight',
    'sam_mask_decoder.transformer.layers.1.mlp.layers.0.bias':
      'mask_decoder.transformer.layers.1.mlp.lin1.bias',
    'sam_mask_decoder.transformer.layers.1.mlp.layers.1.weight':
      'mask_decoder.transformer.layers.1.mlp.lin2.weight',
    'sam_mask_decoder.iou_prediction_head.layers.1.weight':
      'mask_decoder.iou_prediction_head.layers.1.weight',
    'image_encoder.trunk.blocks.3.mlp.layers.0.weight':
      'image_encoder.trunk.blocks.3.mlp.layers.0.weight',
    no_mem_embed: 'no_mem_embed',
  };
  const renamed = segmentAnythingNames(new Map(Object.entries(names)));
  for (const [name, expected] of renamed) t.equal(name, expected);
});
