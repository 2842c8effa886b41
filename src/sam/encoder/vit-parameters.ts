import { OperatorError } from '../../core/errors.js';
import { checkShapes, isSame, type Shapes } from '../../core/tensors/tensor-shapes.js';
import { DECODER, VIT_COMMON, type VitVariant } from '../architecture.js';

/** Every weight of the image encoder by its name in segment-anything's state dict, with its shape there. */
export function vitParameters(variant: VitVariant): Map<string, readonly number[]> {
  const { depth, dim } = variant;
  const { patchSize } = VIT_COMMON;
  const { dim: outDim, gridSize } = DECODER;
  const shapes: Record<string, readonly number[]> = {
    pos_embed: [1, gridSize, gridSize, dim],
    'patch_embed.proj.weight': [dim, 3, patchSize, patchSize],
    'patch_embed.proj.bias': [dim],
  };
  for (let block = 0; block < depth; block++) {
    for (const [name, shape] of Object.entries(blockShapes(variant, block))) {
      shapes[`blocks.${block}.${name}`] = shape;
    }
  }
  Object.assign(shapes, {
    'neck.0.weight': [outDim, dim, 1, 1],
    'neck.1.weight': [outDim],
    'neck.1.bias': [outDim],
    'neck.2.weight': [outDim, outDim, 3, 3],
    'neck.3.weight': [outDim],
    'neck.3.bias': [outDim],
  });
  return new Map(Object.entries(shapes).map(([name, shape]) => [`image_encoder.${name}`, shape]));
}

function blockShapes({ dim, heads, globalAttn }: VitVariant, block: number) {
  const size = globalAttn.includes(block) ? DECODER.gridSize : VIT_COMMON.windowSize;
  const hidden = dim * VIT_COMMON.mlpRatio;
  return {
    'norm1.weight': [dim],
    'norm1.bias': [dim],
    'attn.rel_pos_h': [2 * size - 1, dim / heads],
    'attn.rel_pos_w': [2 * size - 1, dim / heads],
    'attn.qkv.weight': [3 * dim, dim],
    'attn.qkv.bias': [3 * dim],
    'attn.proj.weight': [dim, dim],
    'attn.proj.bias': [dim],
    'norm2.weight': [dim],
    'norm2.bias': [dim],
    'mlp.lin1.weight': [hidden, dim],
    'mlp.lin1.bias': [hidden],
    'mlp.lin2.weight': [dim, hidden],
    'mlp.lin2.bias': [dim],
  };
}

/** ViT-H has 32. */
const MOST_BLOCKS = 256;

const REL_POS = /^image_encoder\.blocks\.(\d+)\.attn\.rel_pos_h$/;

/**
 * Recognises an image encoder from its tensors: channels from the position embedding, heads from the width of
 * the relative positions, global blocks from their length.
 * @throws OperatorError naming the first tensor that does not fit.
 */
export function recogniseVit(tensors: Shapes): VitVariant {
  const positions = tensors.get('image_encoder.pos_embed');
  if (!positions) throw new OperatorError('the tensor "image_encoder.pos_embed" is missing');
  const dim = positions.shape.at(-1) ?? 0;
  const globalAttn: number[] = [];
  let depth = 0;
  let width = 0;
  for (const [name, { shape }] of tensors) {
    const block = REL_POS.exec(name)?.[1];
    if (block === undefined) continue;
    const [length = 0, channels = 0] = shape;
    depth = Math.max(depth, Number(block) + 1);
    width ||= channels;
    if (length > 2 * VIT_COMMON.windowSize - 1) globalAttn.push(Number(block));
  }
  if (depth === 0) {
    throw new OperatorError('the tensor "image_encoder.blocks.0.attn.rel_pos_h" is missing');
  }
  // A name may say any number, and the blocks below it would all be listed before one is missed.
  if (depth > MOST_BLOCKS) {
    throw new OperatorError(`the image encoder has ${depth} blocks, ${MOST_BLOCKS} are possible`);
  }
  const heads = dim / width;
  if (!Number.isInteger(heads)) {
    throw new OperatorError(
      `the tensor "image_encoder.blocks.0.attn.rel_pos_h" has ${width} channels a head, which do not divide ${dim}`,
    );
  }
  const variant = { depth, dim, heads, globalAttn: globalAttn.sort((a, b) => a - b) };
  checkShapes(tensors, vitParameters(variant), fits);
  return variant;
}

/** Relative positions of another length are interpolated. */
function fits(name: string, found: readonly number[], expected: readonly number[]): boolean {
  return /rel_pos_[hw]$/.test(name)
    ? found.length === 2 && found[1] === expected[1]
    : isSame(name, found, expected);
}
