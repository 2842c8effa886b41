import { OperatorError } from '../../../core/errors.js';
import type { HieraConfig } from '../../../core/family/model.js';
import { checkShapes, type Shapes } from '../../../core/tensors/tensor-shapes.js';
import {
  type ByStage,
  DECODER,
  HIERA,
  HIERA_COMMON,
  type HieraVariant,
} from '../../architecture.js';
import { type BlockShape, blocksOf } from './blocks.js';

type ShapesByName = Record<string, readonly number[]>;

/** Every weight of the image encoder by its name in SAM 2's state dict, with its shape there; positions aside. */
export function hieraParameters(variant: HieraVariant): Map<string, readonly number[]> {
  const { dim, windows } = variant;
  const { patch } = HIERA_COMMON;
  const shapes: ShapesByName = {
    'trunk.pos_embed_window': [1, dim, windows[0], windows[0]],
    'trunk.patch_embed.proj.weight': [dim, 3, patch.side, patch.side],
    'trunk.patch_embed.proj.bias': [dim],
  };
  for (const [i, block] of blocksOf(variant).entries()) {
    for (const [name, shape] of Object.entries(blockShapes(block))) {
      shapes[`trunk.blocks.${i}.${name}`] = shape;
    }
  }
  for (const [i, multiple] of [8, 4, 2, 1].entries()) {
    shapes[`neck.convs.${i}.conv.weight`] = [DECODER.dim, multiple * dim, 1, 1];
    shapes[`neck.convs.${i}.conv.bias`] = [DECODER.dim];
  }
  const named = Object.entries(shapes).map(
    ([name, shape]) => [`image_encoder.${name}`, shape] as const,
  );
  return new Map([...named, ['no_mem_embed', [1, 1, DECODER.dim]]]);
}

function blockShapes({ dim, dimOut, isPooled }: BlockShape): ShapesByName {
  const hidden = dimOut * HIERA_COMMON.mlpRatio;
  return {
    'norm1.weight': [dim],
    'norm1.bias': [dim],
    'attn.qkv.weight': [3 * dimOut, dim],
    'attn.qkv.bias': [3 * dimOut],
    'attn.proj.weight': [dimOut, dimOut],
    'attn.proj.bias': [dimOut],
    'norm2.weight': [dimOut],
    'norm2.bias': [dimOut],
    'mlp.layers.0.weight': [hidden, dimOut],
    'mlp.layers.0.bias': [hidden],
    'mlp.layers.1.weight': [dimOut, hidden],
    'mlp.layers.1.bias': [dimOut],
    ...(isPooled && { 'proj.weight': [dimOut, dim], 'proj.bias': [dimOut] }),
  };
}

const TRUNK = 'image_encoder.trunk.';
/** The positions of the whole image, which are enlarged from whatever size they were learned in. */
export const BACKGROUND = `${TRUNK}pos_embed`;
const BLOCK = /^image_encoder\.trunk\.blocks\.(\d+)\.(norm1\.weight|proj\.weight)$/;
/** The large one has 48. */
const MOST_BLOCKS = 256;

/** Whether the tensors are those of a SAM 2: no other has this one. */
export function isSam2(tensors: Shapes): boolean {
  return tensors.has(`${TRUNK}patch_embed.proj.weight`);
}

/**
 * Recognises an image encoder from its tensors: channels from the first convolution, stages from where blocks double
 * them. Heads, windows and global blocks are in no shape: they are those of the published model of as many channels and
 * blocks, unless `config` says.
 * @throws OperatorError naming the first tensor that does not fit, or saying what `config` has to tell.
 */
export function recogniseHiera(tensors: Shapes, config?: HieraConfig): HieraVariant {
  const dim = tensors.get(`${TRUNK}patch_embed.proj.weight`)?.shape[0] ?? 0;
  const stages = stagesOf(tensors);
  const variant = { dim, stages, ...(config ? told(config) : published(dim, stages)) };
  checkVariant(variant);
  checkShapes(tensors, hieraParameters(variant));
  const [one, channels, ...sides] = tensors.get(BACKGROUND)?.shape ?? [];
  if (one !== 1 || channels !== dim || sides.length !== 2) {
    throw new OperatorError(`the tensor "${BACKGROUND}" must be [1,${dim},height,width]`);
  }
  return variant;
}

/** Blocks of each stage. @throws OperatorError */
function stagesOf(tensors: Shapes): ByStage {
  let blocks = 0;
  const starts = new Set<number>();
  for (const name of tensors.keys()) {
    const [, index, part] = BLOCK.exec(name) ?? [];
    if (index === undefined) continue;
    blocks = Math.max(blocks, Number(index) + 1);
    if (part === 'proj.weight') starts.add(Number(index));
  }
  // A name may say any number, and the blocks below it would all be listed before one is missed.
  if (blocks > MOST_BLOCKS) {
    throw new OperatorError(`the image encoder has ${blocks} blocks, ${MOST_BLOCKS} are possible`);
  }
  const bounds = [0, ...[...starts].sort((a, b) => a - b), blocks];
  const stages = bounds.slice(1).map((end, i) => end - (bounds[i] as number));
  if (stages.length !== 4 || stages.some((count) => count < 1)) {
    throw new OperatorError(
      `the image encoder has ${starts.size} tensors "${TRUNK}blocks.<n>.proj.weight" where stages begin, expected 3`,
    );
  }
  return stages as unknown as ByStage;
}

type Untold = Pick<HieraVariant, 'heads' | 'windows' | 'globalAttn'>;

function told({ num_heads, window_spec, global_att_blocks }: HieraConfig): Untold {
  return {
    heads: num_heads,
    windows: window_spec as unknown as ByStage,
    globalAttn: global_att_blocks,
  };
}

function published(dim: number, stages: ByStage): Untold {
  const known = Object.values(HIERA).find(
    (variant) => variant.dim === dim && variant.stages.join() === stages.join(),
  );
  if (known) {
    const { heads, windows, globalAttn } = known;
    return { heads, windows, globalAttn };
  }
  throw new OperatorError(
    `no published SAM 2 has ${dim} channels and ${stages.join(', ')} blocks, and no tensor tells its heads, its windows ` +
      'and which blocks see the whole image: say num_heads, window_spec and global_att_blocks of its configuration ' +
      '(--heads 1 --windows 8,4,14,7 --global-blocks 5,7,9 of import, "hiera" in a manifest)',
  );
}

/** @throws OperatorError where heads, windows or global blocks cannot be those of the tensors */
function checkVariant(variant: HieraVariant): void {
  const { dim, heads, windows, globalAttn } = variant;
  const blocks = blocksOf(variant);
  const refuse = (reason: string): never => {
    throw new OperatorError(`the image encoder ${reason}`);
  };
  if (!Number.isInteger(dim / heads))
    refuse(`has ${dim} channels, which ${heads} heads do not divide`);
  if (windows.length !== 4) refuse(`needs the windows of 4 stages, not of ${windows.length}`);
  if (windows.some((window) => window < 1)) refuse('cannot have windows of 0');
  // The positions of the first stage's window are repeated all over its grid.
  const { gridSize } = HIERA_COMMON;
  if (gridSize % windows[0] !== 0) {
    refuse(`begins with windows of ${windows[0]}, which do not divide its grid of ${gridSize}`);
  }
  // Pooling takes tokens two by two, within windows that no place of the grid is cut off from.
  const pooled = blocks.find(({ isPooled, window }) => isPooled && window % 2 !== 0);
  if (pooled) refuse(`cannot halve windows of ${pooled.window}`);
  const outside = globalAttn.find((block) => block >= blocks.length);
  if (outside !== undefined) refuse(`has no block ${outside}, only ${blocks.length}`);
  // The original divides by the window where it halves the grid, and has none there.
  const halving = globalAttn.find((block) => blocks[block]?.isPooled);
  if (halving !== undefined) {
    refuse(`cannot see the whole image in block ${halving}, where a stage begins`);
  }
}
