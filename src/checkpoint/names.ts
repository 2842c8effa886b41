type Rules = readonly (readonly [pattern: RegExp, replacement: string])[];

/** How Hugging Face's `SamModel` and `Sam2Model` name what Meta calls otherwise, in the order of application. */
const HUGGING_FACE: Rules = [
  [/^vision_encoder\.backbone\./, 'image_encoder.trunk.'],
  [/^vision_encoder\.neck\.convs\.(\d+)\./, 'image_encoder.neck.convs.$1.conv.'],
  [/^no_memory_embedding$/, 'no_mem_embed'],
  [/\.o_proj\./, '.out_proj.'],
  // Of two layers only.
  [/\.mlp\.proj_out\./, '.mlp.layers.1.'],
  [
    /^shared_image_embedding\.positional_embedding$/,
    'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix',
  ],
  [
    /^prompt_encoder\.shared_embedding\.positional_embedding$/,
    'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix',
  ],
  [/^vision_encoder\.layers\./, 'image_encoder.blocks.'],
  [/^vision_encoder\./, 'image_encoder.'],
  [/patch_embed\.projection\./, 'patch_embed.proj.'],
  [/neck\.conv1\./, 'neck.0.'],
  [/neck\.layer_norm1\./, 'neck.1.'],
  [/neck\.conv2\./, 'neck.2.'],
  [/neck\.layer_norm2\./, 'neck.3.'],
  [/^prompt_encoder\.point_embed\./, 'prompt_encoder.point_embeddings.'],
  [/mask_embed\.conv1\./, 'mask_downscaling.0.'],
  [/mask_embed\.layer_norm1\./, 'mask_downscaling.1.'],
  [/mask_embed\.conv2\./, 'mask_downscaling.3.'],
  [/mask_embed\.layer_norm2\./, 'mask_downscaling.4.'],
  [/mask_embed\.conv3\./, 'mask_downscaling.6.'],
  [/upscale_conv1\./, 'output_upscaling.0.'],
  [/upscale_layer_norm\./, 'output_upscaling.1.'],
  [/upscale_conv2\./, 'output_upscaling.3.'],
  // Of the three layers of an MLP, Hugging Face counts the middle one only.
  [/\.layers\.0\.(weight|bias)$/, '.layers.1.$1'],
  [/\.proj_in\./, '.layers.0.'],
  [/\.proj_out\./, '.layers.2.'],
  [/layer_norm(\d|_final_attn)\./, 'norm$1.'],
];

/** What SAM 2 calls otherwise than SAM where both have the same. */
const SAM2: Rules = [
  [/^sam_(prompt_encoder|mask_decoder)\./, '$1.'],
  [/^(mask_decoder\.transformer\.layers\.\d+\.mlp\.)layers\.0\./, '$1lin1.'],
  [/^(mask_decoder\.transformer\.layers\.\d+\.mlp\.)layers\.1\./, '$1lin2.'],
];

/** What training wraps a model in: parallelism, a compiler, a class with the model as a member. */
const WRAPPER = /^(module\.|_orig_mod\.|model\.|sam\.)+/;

/** The same tensors under the names of segment-anything's state dict, and of SAM 2's for what is only in that. */
export function segmentAnythingNames<T>(tensors: ReadonlyMap<string, T>): Map<string, T> {
  const bare = [...tensors].map(([name, tensor]) => [name.replace(WRAPPER, ''), tensor] as const);
  const isHuggingFace = bare.some(([name]) => name.startsWith('vision_encoder.'));
  const rules = isHuggingFace ? [...HUGGING_FACE, ...SAM2] : SAM2;
  return new Map(bare.map(([name, tensor]) => [renamed(name, rules), tensor]));
}

function renamed(name: string, rules: Rules): string {
  return rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), name);
}
