import type { FloatTensor } from '../../onnx/float-tensor.js';
import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import type { Weights } from '../weights/weights.js';

/**
 * Random Fourier features of positions (Tancik et al., 2020): sine and cosine of 2π times the
 * position, centred on zero, times a random Gaussian matrix.
 * @param positions [..., 2] as x, y in 0..1 of the frame.
 * @returns [..., dim]
 */
export function encodePositions(g: Graph, positions: Value): Value {
  const centred = g.sub(g.mul(positions, g.constant(2)), g.constant(1)); // -1..1
  const projected = g.matMul(centred, g.parameter('positional_encoding_gaussian_matrix'));
  const angles = g.mul(projected, g.constant(2 * Math.PI)); // [..., dim / 2]
  return g.concat([g.sin(angles), g.cos(angles)], -1);
}

/**
 * The same encoding for the centres of a grid's cells. It depends on nothing but the weights, so it
 * is computed here, once, and becomes a constant of the graph.
 * @param gaussian [2, dim / 2]
 * @returns [1, side * side, dim], row by row: one token a cell, as the transformer takes the image.
 */
function gridPositionalEncoding(gaussian: FloatTensor, side: number): FloatTensor {
  const half = gaussian.data.length / 2;
  const data = new Float32Array(side * side * 2 * half);
  const centre = (cell: number) => (2 * (cell + 0.5)) / side - 1;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const token = (row * side + column) * 2 * half;
      for (let i = 0; i < half; i++) {
        const [forX, forY] = [gaussian.data[i] as number, gaussian.data[half + i] as number];
        const angle = 2 * Math.PI * (centre(column) * forX + centre(row) * forY);
        data[token + i] = Math.sin(angle);
        data[token + half + i] = Math.cos(angle);
      }
    }
  }
  return { shape: [1, side * side, 2 * half], data };
}

/**
 * The encoding of the embedding's places as a constant of the graph: [1,64*64,dim].
 * @throws Error when `weights` lack the Gaussian matrix.
 */
export function imagePe(g: Graph, weights: Weights): Value {
  const name = 'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix';
  const gaussian = weights.get(name);
  if (!gaussian) throw new Error(`the weights lack "${name}"`);
  return g.tensor('image_pe', gridPositionalEncoding(gaussian, DECODER.gridSize));
}
