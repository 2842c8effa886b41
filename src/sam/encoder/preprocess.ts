import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import type { ModelProto } from '../../onnx/proto.js';

/** What `Sam.preprocess` goes by. */
export interface Preprocessing {
  /** Of the encoder's square, in pixels. */
  readonly side: number;
  /** Of red, green and blue, each from 0 to 255. */
  readonly pixelMean: readonly number[];
  readonly pixelStd: readonly number[];
}

/**
 * An image encoder with `Sam.preprocess` in front: it takes pixels as bytes, a quarter of what floats are, and normalises
 * and pads them itself.
 *
 * In place of `input` there are `pixels` [B,S,S,3], bytes, in which each image lies at the top left of its square, whatever
 * is beside it; and `sizes` [B,2], floats: their heights and widths.
 * @param encoder with an input `input` [B,3,S,S] in 32 bits.
 */
export function withPreprocessing(encoder: ModelProto, preprocessing: Preprocessing): ModelProto {
  const { side, pixelMean, pixelStd } = preprocessing;
  const g = Graph.create('preprocess').scope('preprocess');
  const pixels = g.input('pixels', ['B', side, side, 3], 'uint8');
  const sizes = g.input('sizes', ['B', 2]);
  const channels = (name: string, values: readonly number[]) =>
    g.tensor(name, { shape: [3, 1, 1], data: Float32Array.from(values) });

  const x = g.dequantizeLinear(g.transpose(pixels, [0, 3, 1, 2])); // [B,3,S,S]
  const centred = g.sub(x, channels('pixel_mean', pixelMean));
  const normalised = g.div(centred, channels('pixel_std', pixelStd));
  g.output('input', g.mul(normalised, inside(g, sizes, side)), ['B', 3, side, side]);
  return before(g.toModel(), encoder);
}

/** 1 where a square has an image, 0 where it is padded: [B,2] -> [B,1,S,S]. */
function inside(g: Graph, sizes: Value, side: number): Value {
  const places = Float32Array.from({ length: side }, (_, at) => at);
  const row = g.tensor('rows', { shape: [side, 1], data: places });
  const column = g.tensor('columns', { shape: [1, side], data: places });
  const length = (axis: number) => g.reshape(g.slice(sizes, 1, axis, axis + 1), [-1, 1, 1, 1]);
  const isInside = (place: Value, axis: number) =>
    g.where(g.greater(length(axis), place), g.constant(1), g.constant(0));
  return g.mul(isInside(row, 0), isInside(column, 1));
}

/** Two models as one: the outputs of the first are the inputs of the second, by name. */
function before(first: ModelProto, second: ModelProto): ModelProto {
  const constants = [...first.graph.initializers, ...second.graph.initializers];
  // Both may have a constant, which is the same by its name.
  const initializers = [...new Map(constants.map((tensor) => [tensor.name, tensor])).values()];
  return {
    ...second,
    graph: {
      ...second.graph,
      inputs: first.graph.inputs,
      nodes: [...first.graph.nodes, ...second.graph.nodes],
      initializers,
    },
  };
}
