import { int } from './attributes.js';
import { ElementwiseScope } from './elementwise-scope.js';
import type { Value } from './graph-scope.js';

/** The operators that make one number of many along an axis. */
export class ReductionScope extends ElementwiseScope {
  /** Over the last axis. */
  softmax(x: Value): Value {
    return this.node('Softmax', [x], { axis: int(-1) });
  }

  /** The largest element along one axis, which stays with length 1. */
  reduceMax(x: Value, axis: number): Value {
    return this.node('ReduceMax', [x, this.ints([axis])], { keepdims: int(1) });
  }

  /** The sum along one axis, which stays with length 1. */
  reduceSum(x: Value, axis: number): Value {
    return this.node('ReduceSum', [x, this.ints([axis])], { keepdims: int(1) });
  }

  /** The sum along several axes, which go. */
  sumOver(x: Value, axes: readonly number[]): Value {
    return this.node('ReduceSum', [x, this.ints(axes)], { keepdims: int(0) });
  }

  /** The mean along one axis, which stays with length 1. */
  reduceMean(x: Value, axis: number): Value {
    return this.node('ReduceMean', [x, this.ints([axis])], { keepdims: int(1) });
  }

  /** The place of the smallest element along one axis, which stays with length 1; the first of equals. */
  argMin(x: Value, axis: number): Value<'int64'> {
    return this.node('ArgMin', [x], { axis: int(axis), keepdims: int(1) }, 'int64');
  }

  /** The place of the largest element along one axis, which stays with length 1; of equals the first. */
  argMax(x: Value, axis: number): Value<'int64'> {
    return this.node('ArgMax', [x], { axis: int(axis), keepdims: int(1) }, 'int64');
  }
}
