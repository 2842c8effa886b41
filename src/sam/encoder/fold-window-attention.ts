import { type FloatTensor, transposed } from '../../onnx/float-tensor.js';
import { TINY_VIT, type TinyVitStage } from '../architecture.js';
import type { Weights } from '../weights/weights.js';

/**
 * TinyViT pads its windows with zeros before it normalises: beyond the edge of the grid the norm leaves its
 * bias b, and queries, keys and values are projections of it. With n(x) the norm without bias, a score of place i
 * for place j is
 *
 *     (n_i Wq + cq) (n_j Wk + ck)'   with   cq = b Wq + bq,   ck = b Wk + bk
 *
 * - in which (n_i Wq + cq) ck' is the same for all j, and softmax takes it out: keys need no bias;
 * - the shares of a row sum to one, so that a value's constant cv = b Wv + bv comes out as it is, and its
 *   projection cv Wo is part of the bias of `proj`.
 *
 * What is left is zero where n is: padding may as well come after the projections, 4096 places of which are
 * computed instead of 4900. The root of a head's channels, by which scores are divided, goes into the queries.
 * @param weights by the names of `tinyVitParameters`.
 * @returns the same, with `q`, `k`, `v` and `proj` of each `attn` as `windowAttention` wants them.
 */
export function foldWindowAttention(weights: Weights): Weights {
  const folded = new Map(weights);
  for (const [i, stage] of TINY_VIT.stages.entries()) {
    for (let block = 0; block < stage.depth; block++) {
      const path = `layers.${i + 1}.blocks.${block}.attn.`;
      const read = (name: string) => {
        const tensor = weights.get(path + name);
        if (!tensor) throw new Error(`graph "tiny_vit" has no parameter "${path}${name}"`);
        return tensor;
      };
      for (const [name, tensor] of fold(read, stage)) folded.set(path + name, tensor);
    }
  }
  return folded;
}

type Read = (name: string) => FloatTensor;

function fold(read: Read, stage: TinyVitStage): [name: string, value: FloatTensor][] {
  const { dim, heads } = stage;
  const weight = read('qkv.weight'); // [3C,C]
  const constants = affine(weight, read('norm.bias'), read('qkv.bias')); // [3C]
  const scale = 1 / Math.sqrt(dim / heads);
  const constant = (at: number) => pick(constants, at, stage, 1);
  const part = (at: number, factor = 1) => transposed(pick(weight, at, stage, factor));
  return [
    ['q.weight', part(0, scale)],
    ['q.bias', pick(constants, 0, stage, scale)],
    ['k.weight', part(1)],
    ['v.weight', part(2)],
    ['proj.bias', affine(read('proj.weight'), constant(2), read('proj.bias'))],
  ];
}

/**
 * Rows of the queries, keys or values among those of all heads: [heads * 3 * c, ...] -> [heads * c, ...], times
 * a factor. TinyViT keeps query, key and value of a head together.
 */
function pick(
  { shape, data }: FloatTensor,
  at: number,
  { dim, heads }: TinyVitStage,
  factor: number,
): FloatTensor {
  const block = data.length / heads / 3;
  const result = new Float32Array(data.length / 3);
  for (let head = 0; head < heads; head++) {
    const from = (3 * head + at) * block;
    result.set(data.subarray(from, from + block), head * block);
  }
  return { shape: [dim, ...shape.slice(1)], data: result.map((value) => value * factor) };
}

/** A linear layer of one vector, weight [out,in,...]: [in] -> [out]. */
function affine(weight: FloatTensor, { data: x }: FloatTensor, bias: FloatTensor): FloatTensor {
  const data = bias.data.map((start, row) => {
    const offset = row * x.length;
    return x.reduce((sum, value, i) => sum + value * (weight.data[offset + i] as number), start);
  });
  return { shape: bias.shape, data };
}
