import { float, int, ints, text } from './attributes.js';
import { GraphDraft, MICROSOFT, type Parameters } from './graph-draft.js';
import type { Value } from './graph-scope.js';
import { DATA_TYPES, type DataType } from './proto.js';
import { ReductionScope } from './reduction-scope.js';

/** A place on an axis, known in advance or as a vector of one element when the graph runs. */
export type Position = number | Value<'int64'>;

/** The same along both axes. */
export interface ConvOptions {
  readonly stride: number;
  /** Zeros around the input. */
  readonly padding?: number;
  /** Each group of output channels sees its own group of input channels. */
  readonly groups?: number;
}

/**
 * A graph under construction: methods are ONNX operators of operator set 20, which
 * https://onnx.ai/onnx/operators describes.
 */
export class Graph extends ReductionScope {
  /** An empty graph whose scopes find their weights in `parameters`. */
  static create(name: string, parameters: Parameters = new Map()): Graph {
    return new Graph(new GraphDraft(name, parameters), '');
  }

  /** The same graph from one scope further in: `scope('layers.0')` inside `transformer` is `transformer.layers.0`. */
  scope(name: string): Graph {
    return new Graph(this.draft, this.inside(name));
  }

  /** [..., m, k] x [..., k, n] -> [..., m, n] */
  matMul(a: Value, b: Value): Value {
    return this.node('MatMul', [a, b]);
  }

  /** [m, k] x [k, n] + bias [n] -> [m, n] */
  gemm(a: Value, b: Value, bias: Value): Value {
    return this.node('Gemm', [a, b, bias]);
  }

  /** [k, m] x [k, n] -> [m, n]: sums of outer products. */
  gemmOfRows(a: Value, b: Value): Value {
    return this.node('Gemm', [a, b], { transA: int(1) });
  }

  /** [m, k] x [n, k] + [n] -> [m, n]: a linear layer with its weight as PyTorch has it. */
  gemmTransposed(x: Value, weight: Value, bias?: Value): Value {
    return this.node('Gemm', bias ? [x, weight, bias] : [x, weight], { transB: int(1) });
  }

  /**
   * Attention in one kernel (onnxruntime's own operator), which need not hold all scores at once:
   * softmax(q k' scale) v for each head. q and k [B,S,heads*c], v [B,S,heads*d] -> [B,S,heads*d].
   */
  multiHeadAttention(q: Value, k: Value, v: Value, heads: number, scale: number): Value {
    return this.node(
      'MultiHeadAttention',
      [q, k, v],
      { num_heads: int(heads), scale: float(scale) },
      'float',
      MICROSOFT,
    );
  }

  /** The root of the sum of squares along one axis, which stays with length 1. */
  reduceL2(x: Value, axis: number): Value {
    return this.node('ReduceL2', [x, this.ints([axis])], { keepdims: int(1) });
  }

  /** Over the last axis, whose length `scale` and `bias` have. */
  layerNormalization(x: Value, scale: Value, bias: Value | undefined, epsilon: number): Value {
    return this.node('LayerNormalization', bias ? [x, scale, bias] : [x, scale], {
      axis: int(-1),
      epsilon: float(epsilon),
    });
  }

  /** The last axis with mean 0 and deviation 1, and what each was divided by, inverted: [..., 1]. */
  standardise(x: Value, ones: Value, epsilon: number): { standard: Value; inverse: Value } {
    const attributes = { axis: int(-1), epsilon: float(epsilon) };
    const [standard, , inverse] = this.nodes('LayerNormalization', [x, ones], attributes, 3);
    if (!standard || !inverse) throw new Error('LayerNormalization has three outputs');
    return { standard, inverse };
  }

  /** x [B,I,H,W], weight [O,I/groups,k,k] -> [B,O,H',W'] with H' = (H + 2 padding - k) / stride + 1. */
  conv(
    x: Value,
    weight: Value,
    bias: Value | undefined,
    { stride, padding = 0, groups = 1 }: ConvOptions,
  ): Value {
    return this.node('Conv', bias ? [x, weight, bias] : [x, weight], {
      strides: ints([stride, stride]),
      pads: ints([padding, padding, padding, padding]),
      group: int(groups),
    });
  }

  /** x [B,I,H,W], weight [I,O,k,k] -> [B,O,H*stride,W*stride] for a kernel as large as its stride. */
  convTranspose(
    x: Value,
    weight: Value,
    bias: Value | undefined,
    { stride }: { stride: number },
  ): Value {
    const inputs = bias ? [x, weight, bias] : [x, weight];
    return this.node('ConvTranspose', inputs, { strides: ints([stride, stride]) });
  }

  /** Output axis i is input axis `axes[i]`. */
  transpose<T extends DataType>(x: Value<T>, axes: readonly number[]): Value<T> {
    return this.node('Transpose', [x], { perm: ints(axes) }, x.type);
  }

  /** In `shape`, 0 keeps the length the axis had and one -1 takes what is left; or it is known only when the graph runs. */
  reshape<T extends DataType>(x: Value<T>, shape: readonly number[] | Value<'int64'>): Value<T> {
    const target = 'name' in shape ? shape : this.ints(shape);
    return this.node('Reshape', [x, target], {}, x.type);
  }

  /** Inserts an axis of length 1, which becomes axis `axis` of the result. */
  unsqueeze<T extends DataType>(x: Value<T>, axis: number): Value<T> {
    return this.node('Unsqueeze', [x, this.ints([axis])], {}, x.type);
  }

  concat<T extends DataType>(parts: readonly Value<T>[], axis: number): Value<T> {
    const [first] = parts;
    if (!first) throw new Error(`nothing to concatenate in "${this.path}"`);
    return this.node('Concat', parts, { axis: int(axis) }, first.type);
  }

  /** Elements `start` to `end`, exclusive, along one axis, which stays. */
  slice<T extends DataType>(x: Value<T>, axis: number, start: Position, end: Position): Value<T> {
    const at = (where: Position) => (typeof where === 'number' ? this.ints([where]) : where);
    return this.node('Slice', [x, at(start), at(end), this.ints([axis])], {}, x.type);
  }

  /** The first elements along several axes, so many of each. */
  cut(x: Value, axes: readonly number[], lengths: readonly number[]): Value {
    const starts = this.ints(axes.map(() => 0));
    return this.node('Slice', [x, starts, this.ints(lengths), this.ints(axes)]);
  }

  /** Parts of equal length along one axis. */
  split(x: Value, axis: number, parts: number): Value[] {
    return this.nodes('Split', [x], { axis: int(axis), num_outputs: int(parts) }, parts);
  }

  /** Zeros after the end of each axis: `amounts` has one number an axis. */
  pad(x: Value, amounts: readonly number[]): Value {
    return this.node('Pad', [x, this.ints([...amounts.map(() => 0), ...amounts])]);
  }

  /** Zeros around one axis; how many may be known only when the graph runs. */
  padAxis(x: Value, axis: number, before: number, after: Value<'int64'>): Value {
    const none: Value<'float'> = { name: '', type: 'float' };
    const amounts = this.concat([this.ints([before]), after], 0);
    return this.node('Pad', [x, amounts, none, this.ints([axis])]);
  }

  /** The difference of two vectors of integers. */
  subInts(a: Value<'int64'>, b: Value<'int64'>): Value<'int64'> {
    return this.node('Sub', [a, b], {}, 'int64');
  }

  /** Linear interpolation of [1,C,L] to [1,C,length], with ends and centres as PyTorch's `interpolate` has them. */
  interpolate(x: Value, length: number): Value {
    const unused: Value = { name: '', type: 'float' };
    const sizes = this.concat([this.shape(x, 0, 2), this.ints([length])], 0);
    return this.node('Resize', [x, unused, unused, sizes], {
      mode: text('linear'),
      coordinate_transformation_mode: text('half_pixel'),
    });
  }

  /** Bicubic interpolation of [1,C,H,W] to [1,C,side,side], as PyTorch's `interpolate(mode="bicubic")` has it. */
  interpolateCubic(x: Value, side: number): Value {
    const unused: Value = { name: '', type: 'float' };
    const sizes = this.concat([this.shape(x, 0, 2), this.ints([side, side])], 0);
    return this.node('Resize', [x, unused, unused, sizes], {
      mode: text('cubic'),
      coordinate_transformation_mode: text('half_pixel'),
      cubic_coeff_a: float(-0.75),
    });
  }

  /** Repeats each axis so many times. */
  tile(x: Value, times: readonly number[]): Value {
    return this.node('Tile', [x, this.ints(times)]);
  }

  /** Repeats axes of length 1 up to a shape that is known only when the graph runs. */
  expand<T extends DataType>(x: Value<T>, shape: Value<'int64'>): Value<T> {
    return this.node('Expand', [x, shape], {}, x.type);
  }

  /** The lengths of axes `start` to `end`, exclusive, as a vector. */
  shape(x: Value<DataType>, start: number, end: number): Value<'int64'> {
    return this.node('Shape', [x], { start: int(start), end: int(end) }, 'int64');
  }

  /** Rows of `table` [n, ...] by index: indices [a,b] -> [a,b,...]. Indices out of range fail the run. */
  gather<T extends DataType>(table: Value<T>, indices: Value<'int64'>): Value<T> {
    return this.node('Gather', [table, indices], { axis: int(0) }, table.type);
  }

  /** For each of B tables the rows of its own indices: table [B,n,...], indices [B,m,1] -> [B,m,...]. */
  gatherEach(table: Value, indices: Value<'int64'>): Value {
    return this.node('GatherND', [table, indices], { batch_dims: int(1) });
  }

  /** Indices of the elements that hold, one column each: x of rank r -> [r, n]. */
  nonZero(x: Value<'bool'>): Value<'int64'> {
    return this.node('NonZero', [x], {}, 'int64');
  }

  /** Bytes as floats from 0 to 255. A `Cast` would do, but WebGPU has none from bytes. */
  dequantizeLinear(x: Value<'uint8'>): Value {
    return this.node('DequantizeLinear', [x, this.constant(1)]);
  }

  /** Rounds towards zero. */
  toInt64(x: Value): Value<'int64'> {
    return this.node('Cast', [x], { to: int(DATA_TYPES.int64.code) }, 'int64');
  }
}
