import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import { input, ints, output } from '../node-reader.js';
import type { Shape } from '../shapes.js';
import { type Rule, unbroadcast } from './rule.js';

/** y = a b: dy b', a' dy. */
const matMul: Rule = ({ g, node, dy, shape, wants }) => {
  const [a, b] = [input(node, 0), input(node, 1)];
  const [ofA, ofB] = [shape(a), shape(b)];
  const batches = shape(output(node)).slice(0, -2);
  const forA = () => {
    const product = g.matMul(dy, g.transpose(b, lastTwoSwapped(ofB.length)));
    return unbroadcast(g, product, [...batches, ...ofA.slice(-2)], ofA);
  };
  const forB = () => {
    // A weight meets all rows at once, whatever axes they are in.
    if (ofB.length === 2) {
      const rows = (x: Value, length: Shape[number] | undefined) =>
        g.reshape(x, [-1, Number(length)]);
      return g.gemmOfRows(rows(a, ofA.at(-1)), rows(dy, ofB[1]));
    }
    const product = g.matMul(g.transpose(a, lastTwoSwapped(ofA.length)), dy);
    return unbroadcast(g, product, [...batches, ...ofB.slice(-2)], ofB);
  };
  return [wants(0) ? forA() : undefined, wants(1) ? forB() : undefined];
};

function lastTwoSwapped(rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return [...axes.slice(0, -2), rank - 1, rank - 2];
}

/** Patches that do not overlap: the kernel is as large as its stride, and nothing is padded. */
function strideOf(node: Parameters<Rule>[0]['node'], weight: Shape): number {
  const [stride = 1] = ints(node.attributes, 'strides');
  const isPadded = ints(node.attributes, 'pads').some((amount) => amount !== 0);
  const groups = node.attributes['group']?.value ?? 1;
  if (isPadded || groups !== 1 || weight[2] !== stride || weight[3] !== stride) {
    throw new Error(`"${node.name}" has patches that overlap, or groups`);
  }
  return stride;
}

/** [B,C,H k,W k] -> [C k k, B H W]: one row for each place in a patch. */
function patchRows(g: Graph, x: Value, [, channels, height, width]: Shape, k: number): Value {
  const [c, h, w] = [Number(channels), Number(height) / k, Number(width) / k];
  const parted = g.reshape(x, [-1, c, h, k, w, k]);
  return g.reshape(g.transpose(parted, [1, 3, 5, 0, 2, 4]), [c * k * k, -1]);
}

/** The products of all pixels of `small` with all of their patches in `large`: [C of small, C of large, k, k]. */
function patchProducts(
  g: Graph,
  small: readonly [Value, Shape],
  large: readonly [Value, Shape],
  k: number,
): Value {
  const product = g.gemmTransposed(patchRows(g, ...small, 1), patchRows(g, ...large, k));
  return g.reshape(product, [Number(small[1][1]), Number(large[1][1]), k, k]);
}

const sumOfPixels = (g: Graph, dy: Value) => g.sumOver(dy, [0, 2, 3]);

const conv: Rule = ({ g, node, dy, shape, wants }) => {
  const [x, weight] = [input(node, 0), input(node, 1)];
  const stride = strideOf(node, shape(weight));
  return [
    wants(0) ? g.convTranspose(dy, weight, undefined, { stride }) : undefined,
    wants(1) ? patchProducts(g, [dy, shape(output(node))], [x, shape(x)], stride) : undefined,
    wants(2) ? sumOfPixels(g, dy) : undefined,
  ];
};

const convTranspose: Rule = ({ g, node, dy, shape, wants }) => {
  const [x, weight] = [input(node, 0), input(node, 1)];
  const stride = strideOf(node, shape(weight));
  return [
    wants(0) ? g.conv(dy, weight, undefined, { stride }) : undefined,
    wants(1) ? patchProducts(g, [x, shape(x)], [dy, shape(output(node))], stride) : undefined,
    wants(2) ? sumOfPixels(g, dy) : undefined,
  ];
};

export const PRODUCTS: Readonly<Record<string, Rule>> = {
  MatMul: matMul,
  Conv: conv,
  ConvTranspose: convTranspose,
};
