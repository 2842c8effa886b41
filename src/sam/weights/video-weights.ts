/** The weights of SAM 2 that remember other frames of a video, by the beginnings of their names. */
const VIDEO = [
  'memory_attention.',
  'memory_encoder.',
  'maskmem_tpos_enc',
  'no_mem_pos_enc',
  'no_obj_ptr',
  'no_obj_embed_spatial',
  'mask_downsample.',
  'obj_ptr_proj.',
  'obj_ptr_tpos_proj.',
  // As Hugging Face calls them.
  'memory_temporal_positional_encoding',
  'no_memory_positional_encoding',
  'no_object_pointer',
  'occlusion_spatial_embedding_parameter',
  'object_pointer_proj.',
  'temporal_positional_encoding_projection_layer.',
];

/** Whether a weight is only for videos. */
export function isForVideos(name: string): boolean {
  return VIDEO.some((start) => name.startsWith(start));
}
