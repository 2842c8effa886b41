import type { Value } from '../../../onnx/graph-scope.js';
import { input, ints, output } from '../node-reader.js';
import { type Rule, target, unbroadcast } from './rule.js';

const identity: Rule = ({ dy }) => [dy];

const transpose: Rule = ({ g, node, dy }) => {
  const axes = ints(node.attributes, 'perm');
  return [
    g.transpose(
      dy,
      axes.map((_, axis) => axes.indexOf(axis)),
    ),
  ];
};

/** Back to the shape the input has when the graph runs. */
const reshape: Rule = ({ g, node, dy, shape }) => {
  const x = input(node, 0);
  const unknown = shape(x).filter((length) => typeof length === 'string').length;
  return [g.reshape(dy, unknown > 1 ? g.shape(x, 0, shape(x).length) : target(shape(x)))];
};

const concat: Rule = ({ g, node, dy, shape, wants }) => {
  const rank = shape(output(node)).length;
  const axis = (Number(node.attributes['axis']?.value) + rank) % rank;
  let start = 0;
  return node.inputs.map((_, at) => {
    const length = shape(input(node, at))[axis];
    const from = start;
    if (typeof length === 'number') start += length;
    // Only the last part may be of unknown length: it goes on to the end.
    else if (at < node.inputs.length - 1) throw new Error(`"${node.name}" joins unknown lengths`);
    const end = typeof length === 'number' ? start : 2 ** 31;
    return wants(at) ? g.slice(dy, axis, from, end) : undefined;
  });
};

/** Zeros around what was cut out. */
const slice: Rule = ({ g, node, dy, shape }) => {
  const x = input(node, 0);
  const [start, end, axes] = [1, 2, 3].map((at) => shapeInts(node.inputs[at]));
  const axis = axes?.[0] ?? 0;
  const length = shape(x)[axis];
  const last = end?.[0] ?? 0;
  const after =
    typeof length === 'number'
      ? g.ints([length - last])
      : g.subInts(g.shape(x, axis, axis + 1), g.ints([last]));
  return [g.padAxis(dy, axis, start?.[0] ?? 0, after)];
};

/** The elements of a constant vector, which `Graph.ints` has in its name. */
function shapeInts(name = ''): number[] {
  const [, list = ''] = /^int64 \[(.*)\]$/.exec(name) ?? [];
  return list.split(',').map(Number);
}

const expand: Rule = ({ g, node, dy, shape }) => [
  unbroadcast(g, dy, shape(output(node)), shape(input(node, 0))),
];

const reduceSum: Rule = ({ g, node, dy, shape }) => {
  const x = input(node, 0);
  if (node.attributes['keepdims']?.value !== 1) throw new Error(`"${node.name}" drops its axes`);
  return [g.expand(dy, g.shape(x, 0, shape(x).length))];
};

/** The rows that were picked, added up for each row of the table: a product with ones where they meet. */
const gather: Rule = ({ g, node, dy, shape }) => {
  const [rows, columns] = shape(input(node, 0)).map(Number) as [number, number];
  const indices: Value<'int64'> = { name: node.inputs[1] as string, type: 'int64' };
  const all = g.ints(Array.from({ length: rows }, (_, row) => row));
  const isRow = g.equal(g.reshape(indices, [-1, 1]), all); // [picked, rows]
  const ones = g.where(isRow, g.constant(1), g.constant(0));
  return [g.gemmOfRows(ones, g.reshape(dy, [-1, columns])), undefined];
};

export const LAYOUT: Readonly<Record<string, Rule>> = {
  Identity: identity,
  Transpose: transpose,
  Reshape: reshape,
  Unsqueeze: reshape,
  Concat: concat,
  Slice: slice,
  Expand: expand,
  ReduceSum: reduceSum,
  Gather: gather,
};
