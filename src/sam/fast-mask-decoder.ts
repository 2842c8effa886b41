import type { Graph, Position } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import { DECODER } from './architecture.js';
import { layerNorm2dLast } from './common.js';

const { dim, gridSize, headDepth, maskTokens, upscaledChannels } = DECODER;
const [FIRST, SECOND] = upscaledChannels;
const PLACES = gridSize * gridSize;

/**
 * The upscaling and the masks' product, as plain matrix products on channels-last pixels.
 *
 * A transposed convolution with a kernel as large as its stride makes each pixel into 2 x 2 on its own: a product
 * with [in, 2 * 2 * out]. Nothing that follows looks at neighbours either, so the pixels may stay in the order in
 * which they arise, (i, j, dy1, dx1, dy2, dx2), and only the finished masks are put in rows and columns.
 * @param keys [B,P,dim] the image after the transformer.
 * @param hyperIn [B,M,32] weights of the M masks that are wanted.
 * @returns [B,M,256,256]
 */
export function fastMasks(g: Graph, keys: Value, hyperIn: Value): Value {
  let x = double(g.scope('output_upscaling.0'), g.reshape(keys, [-1, dim]), dim, FIRST); // [B*4P,64]
  x = g.gelu(layerNorm2dLast(g.scope('output_upscaling.1'), x));
  x = g.gelu(double(g.scope('output_upscaling.3'), x, FIRST, SECOND)); // [B*16P,32]
  const upscaled = g.reshape(x, [-1, 16 * PLACES, SECOND]); // [B,16P,32]
  const masks = g.matMul(hyperIn, g.transpose(upscaled, [0, 2, 1])); // [B,M,16P]
  const pixels = g.reshape(masks, [-1, gridSize, gridSize, 2, 2, 2, 2]); // [B*M,i,j,dy1,dx1,dy2,dx2]
  const rows = g.transpose(pixels, [0, 1, 3, 5, 2, 4, 6]); // [B*M,i,dy1,dy2,j,dx1,dx2]
  const side = 4 * gridSize;
  const shape = g.concat([g.shape(hyperIn, 0, 2), g.ints([side, side])], 0);
  return g.reshape(rows, shape);
}

/** [n,in] -> [4n,out], the four pixels of one after another. */
function double(g: Graph, x: Value, inputs: number, outputs: number): Value {
  const kernel = g.transpose(g.parameter('weight'), [0, 2, 3, 1]); // [in,dy,dx,out]
  const bias = g.parameter('bias');
  // The bias goes into the product: onnxruntime would fuse it with the GELU that follows, and that kernel is slow.
  const product = g.gemm(
    x,
    g.reshape(kernel, [inputs, 4 * outputs]),
    g.concat([bias, bias, bias, bias], 0),
  );
  return g.reshape(product, [-1, outputs]);
}

/** Mask tokens from `start` to `end`, exclusive. */
export interface MaskRange {
  readonly start: Position;
  readonly end: Position;
}

/**
 * The hypernetworks of M mask tokens at once, as products of stacked matrices.
 * @param tokens [B,M,dim] those of the range.
 * @returns [B,M,32]
 */
export function fastHypernetworks(g: Graph, tokens: Value, { start, end }: MaskRange): Value {
  let hidden = g.transpose(tokens, [1, 0, 2]); // [M,B,dim]
  for (let layer = 0; layer < headDepth; layer++) {
    const stacked = (name: string) => {
      const all = Array.from({ length: maskTokens }, (_, token) => {
        const mlp = g.scope(`output_hypernetworks_mlps.${token}.layers.${layer}`);
        return g.unsqueeze(mlp.parameter(name), 0);
      });
      return g.slice(g.concat(all, 0), 0, start, end);
    };
    const input = layer === 0 ? hidden : g.relu(hidden);
    hidden = g.add(g.matMul(input, stacked('weight')), g.unsqueeze(stacked('bias'), 1)); // [M,B,out]
  }
  return g.transpose(hidden, [1, 0, 2]); // [B,M,32]
}
