import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { layerNorm2dLast } from '../layers.js';
import type { HighResolution } from './high-resolution.js';

const { dim, gridSize, maskSide: side, upscaledChannels } = DECODER;
const [FIRST, SECOND] = upscaledChannels;
const PLACES = gridSize * gridSize;

/** The two rows of pixels that a transposed convolution makes of one. */
const ROWS = [0, 1] as const;

/**
 * The upscaling and the masks' product, as plain matrix products on channels-last pixels.
 *
 * A transposed convolution with a kernel as large as its stride makes each pixel into 2 x 2 on its own: a product
 * with [in, 2 * 2 * out]. Nothing that follows looks at neighbours either, so each of the four rows of the mask's
 * pixels that a row of places becomes is worked out by itself, in a quarter of the memory: (j, dx1, dx2) then runs
 * along a row of the mask.
 * @param keys [B,P,dim] the image after the transformer.
 * @param hyperIn [B,M,32] weights of the M masks that are wanted.
 * @param features SAM 2's, which are added on the way.
 * @returns [B,M,256,256]
 */
export function upscaledMasks(
  g: Graph,
  keys: Value,
  hyperIn: Value,
  features?: HighResolution,
): Value {
  const places = g.reshape(keys, [-1, dim]);
  const rows: Value[] = [];
  for (const dy1 of ROWS) {
    let x = double(g.scope('output_upscaling.0'), places, dy1, dim, FIRST); // [B*2P,64]
    if (features) x = g.add(g.reshape(x, [-1, 2 * PLACES, FIRST]), features[`s1_${dy1}`]);
    x = g.gelu(layerNorm2dLast(g.scope('output_upscaling.1'), x));
    if (features) x = g.reshape(x, [-1, FIRST]);
    for (const dy2 of ROWS) {
      let pixels = double(g.scope('output_upscaling.3'), x, dy2, FIRST, SECOND); // [B*4P,32]
      if (features) {
        pixels = g.add(g.reshape(pixels, [-1, 4 * PLACES, SECOND]), features[`s0_${dy1}${dy2}`]);
      }
      const upscaled = g.reshape(g.gelu(pixels), [-1, 4 * PLACES, SECOND]); // [B,4P,32]
      const masks = g.matMul(hyperIn, g.transpose(upscaled, [0, 2, 1])); // [B,M,4P]
      rows.push(g.reshape(masks, [-1, gridSize, 1, side])); // [B*M,i,1,256]
    }
  }
  const shape = g.concat([g.shape(hyperIn, 0, 2), g.ints([side, side])], 0);
  return g.reshape(g.concat(rows, 2), shape);
}

/** [n,in] -> [2n,out], the two pixels that each becomes in row `dy`, one after the other. */
function double(g: Graph, x: Value, dy: number, inputs: number, outputs: number): Value {
  const kernel = g.transpose(g.parameter('weight'), [0, 2, 3, 1]); // [in,dy,dx,out]
  const row = g.reshape(g.slice(kernel, 1, dy, dy + 1), [inputs, 2 * outputs]);
  const bias = g.parameter('bias');
  // The bias goes into the product: onnxruntime would fuse it with the GELU that follows, and that kernel is slow.
  return g.reshape(g.gemm(x, row, g.concat([bias, bias], 0)), [-1, outputs]);
}
