import { float } from './attributes.js';
import { GraphScope, type Value } from './graph-scope.js';
import type { DataType } from './proto.js';

/** The operators that work element by element; those of two operands broadcast as NumPy does. */
export class ElementwiseScope extends GraphScope {
  add(a: Value, b: Value): Value {
    return this.node('Add', [a, b]);
  }

  sub(a: Value, b: Value): Value {
    return this.node('Sub', [a, b]);
  }

  mul(a: Value, b: Value): Value {
    return this.node('Mul', [a, b]);
  }

  div(a: Value, b: Value): Value {
    return this.node('Div', [a, b]);
  }

  sin(x: Value): Value {
    return this.node('Sin', [x]);
  }

  cos(x: Value): Value {
    return this.node('Cos', [x]);
  }

  exp(x: Value): Value {
    return this.node('Exp', [x]);
  }

  /** 1 / (1 + exp(-x)) */
  sigmoid(x: Value): Value {
    return this.node('Sigmoid', [x]);
  }

  /** log(1 + exp(x)), without overflow. */
  softplus(x: Value): Value {
    return this.node('Softplus', [x]);
  }

  /** The error function. */
  erf(x: Value): Value {
    return this.node('Erf', [x]);
  }

  relu(x: Value): Value {
    return this.node('Relu', [x]);
  }

  /** x times the normal distribution's integral up to x: the exact form with erf, not the tanh approximation. */
  gelu(x: Value): Value {
    return this.node('Gelu', [x]);
  }

  /** x where it is positive, else exp(x) - 1. */
  elu(x: Value): Value {
    return this.node('Elu', [x], { alpha: float(1) });
  }

  equal<T extends DataType>(a: Value<T>, b: Value<T>): Value<'bool'> {
    return this.node('Equal', [a, b], {}, 'bool');
  }

  greater(a: Value, b: Value): Value<'bool'> {
    return this.node('Greater', [a, b], {}, 'bool');
  }

  greaterOrEqual(a: Value, b: Value): Value<'bool'> {
    return this.node('GreaterOrEqual', [a, b], {}, 'bool');
  }

  and(a: Value<'bool'>, b: Value<'bool'>): Value<'bool'> {
    return this.node('And', [a, b], {}, 'bool');
  }

  or(a: Value<'bool'>, b: Value<'bool'>): Value<'bool'> {
    return this.node('Or', [a, b], {}, 'bool');
  }

  /** `yes` where the condition holds, else `no`. */
  where<T extends DataType>(condition: Value<'bool'>, yes: Value<T>, no: Value<T>): Value<T> {
    return this.node('Where', [condition, yes, no], {}, yes.type);
  }
}
