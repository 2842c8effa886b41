/** How Hugging Face's `SamModel` names what segment-anything calls otherwise, in the order of application. */
const RENAMED: readonly (readonly [pattern: RegExp, replacement: string])[] = [
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

/** What training wraps a model in: parallelism, a compiler, a class with the model as a member. */
const WRAPPER = /^(module\.|_orig_mod\.|model\.|sam\.)+/;

/** The same tensors under the names of segment-anything's state dict. */
export function segmentAnythingNames<T>(tensors: ReadonlyMap<string, T>): Map<string, T> {
  const bare = [...tensors].map(([name, tensor]) => [name.replace(WRAPPER, ''), tensor] as const);
  const isHuggingFace = bare.some(([name]) => name.startsWith('vision_encoder.'));
  if (!isHuggingFace) return new Map(bare);
  return new Map(bare.map(([name, tensor]) => [fromHuggingFace(name), tensor]));
}

function fromHuggingFace(name: string): string {
  return RENAMED.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), name);
}
