import { gridOf, type OwlArchitecture, type Tower } from './architecture.js';

type ShapeByName = Record<string, readonly number[]>;

/** Every weight of the text tower by its name in Hugging Face's files, with its shape there. */
export function textParameters({ family, text }: OwlArchitecture): Map<string, readonly number[]> {
  const { width, vocabulary, positions } = text;
  const shapes = within('text_model', {
    'embeddings.token_embedding.weight': [vocabulary, width],
    'embeddings.position_embedding.weight': [positions, width],
    ...layerShapes(text),
    ...norm('final_layer_norm', width),
  });
  return named(within(family, { ...shapes, 'text_projection.weight': [width, width] }));
}

/** The same for the image tower and its heads. */
export function imageParameters(architecture: OwlArchitecture): Map<string, readonly number[]> {
  const { family, text, image } = architecture;
  const { width, imageSize, patchSize } = image;
  const tower = within('vision_model', {
    'embeddings.class_embedding': [width],
    'embeddings.patch_embedding.weight': [width, 3, patchSize, patchSize],
    'embeddings.position_embedding.weight': [1 + gridOf(imageSize, patchSize) ** 2, width],
    ...norm('pre_layernorm', width),
    ...layerShapes(image),
    ...norm('post_layernorm', width),
  });
  return named({
    ...within(family, tower),
    ...norm('layer_norm', width),
    ...within('class_head', {
      ...linear('dense0', width, text.width),
      ...linear('logit_shift', width, 1),
      ...linear('logit_scale', width, 1),
    }),
    ...mlpHead('box_head', width, 4),
    ...(family === 'owlv2' && mlpHead('objectness_head', width, 1)),
  });
}

function layerShapes({ width, hidden, layers }: Tower): ShapeByName {
  const layer = {
    ...norm('layer_norm1', width),
    ...linear('self_attn.q_proj', width, width),
    ...linear('self_attn.k_proj', width, width),
    ...linear('self_attn.v_proj', width, width),
    ...linear('self_attn.out_proj', width, width),
    ...norm('layer_norm2', width),
    ...linear('mlp.fc1', width, hidden),
    ...linear('mlp.fc2', hidden, width),
  };
  const all: ShapeByName = {};
  for (let i = 0; i < layers; i++) Object.assign(all, within(`encoder.layers.${i}`, layer));
  return all;
}

function mlpHead(name: string, width: number, outputs: number): ShapeByName {
  return within(name, {
    ...linear('dense0', width, width),
    ...linear('dense1', width, width),
    ...linear('dense2', width, outputs),
  });
}

function linear(name: string, inputs: number, outputs: number): ShapeByName {
  return within(name, { weight: [outputs, inputs], bias: [outputs] });
}

function norm(name: string, width: number): ShapeByName {
  return within(name, { weight: [width], bias: [width] });
}

function within(scope: string, shapes: ShapeByName): ShapeByName {
  const entries = Object.entries(shapes).map(([name, shape]) => [`${scope}.${name}`, shape]);
  return Object.fromEntries(entries);
}

function named(shapes: ShapeByName): Map<string, readonly number[]> {
  return new Map(Object.entries(shapes));
}
