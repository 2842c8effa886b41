import { input, output } from '../node-reader.js';
import type { Rule } from './rule.js';

/** y = softmax(x) over the last axis: y (dy - sum of dy y). */
const softmax: Rule = ({ g, node, dy }) => {
  const y = output(node);
  const weighted = g.mul(dy, y);
  return [g.sub(weighted, g.mul(y, g.reduceSum(weighted, -1)))];
};

/**
 * y = scale s + bias with s = (x - mean) / deviation over the last axis, and d = dy scale:
 * (d - mean of d - s mean of d s) / deviation. Mean and deviation depend on x as well.
 */
const layerNormalization: Rule = ({ g, node, dy, shape, wants }) => {
  const [x, scale] = [input(node, 0), input(node, 1)];
  const epsilon = Number(node.attributes['epsilon']?.value);
  const length = Number(shape(x).at(-1));
  const ones = g.sharedTensor(`${length} ones`, {
    shape: [length],
    data: new Float32Array(length).fill(1),
  });
  const { standard, inverse } = g.standardise(x, ones, epsilon);
  const axes = shape(x)
    .slice(0, -1)
    .map((_, axis) => axis);
  const forX = () => {
    const d = g.mul(dy, scale);
    const along = g.mul(standard, g.reduceMean(g.mul(d, standard), -1));
    return g.mul(g.sub(g.sub(d, g.reduceMean(d, -1)), along), inverse);
  };
  return [
    wants(0) ? forX() : undefined,
    wants(1) ? g.sumOver(g.mul(dy, standard), axes) : undefined,
    wants(2) ? g.sumOver(dy, axes) : undefined,
  ];
};

export const NORMALISATION: Readonly<Record<string, Rule>> = {
  Softmax: softmax,
  LayerNormalization: layerNormalization,
};
