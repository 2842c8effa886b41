import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { conv, layerNorm2d } from '../layers.js';
import { encodePositions } from './positional-encoding.js';

/** A kernel of 2 x 2 as large as its stride: patches do not overlap. */
const PATCHES = { stride: 2 };

/** The encoding of a point's position plus a learned embedding of what its label says it is. */
export function embedPoints(g: Graph, coords: Value, labels: Value): Value {
  const centres = g.add(coords, g.constant(0.5)); // from a pixel's corner to its centre
  const positions = g.div(centres, g.constant(DECODER.imageSize)); // [B,N,2] in 0..1
  const encoded = encodePositions(g.scope('pe_layer'), positions); // [B,N,dim]
  // Padding is nowhere: it has its learned embedding and no position.
  const isPadding = g.equal(g.unsqueeze(labels, 2), g.constant(-1)); // [B,N,1]
  const located = g.where(isPadding, g.constant(0), encoded);
  return g.add(located, embedLabels(g, labels)); // [B,N,dim]
}

/** labels [B,N] -> [B,N,dim] */
function embedLabels(g: Graph, labels: Value): Value {
  const rows = [g.scope('not_a_point_embed').parameter('weight')];
  for (let label = 0; label < DECODER.pointLabels; label++) {
    rows.push(g.scope(`point_embeddings.${label}`).parameter('weight'));
  }
  // The table begins with padding, whose label is -1.
  return g.gather(g.concat(rows, 0), g.toInt64(g.add(labels, g.constant(1))));
}

/** All but the last of mask_downscaling's convolutions, on few channels: [B,1,256,256] -> [B,16,64,64]. */
export function shrinkMasks(g: Graph, maskInput: Value): Value {
  let x = conv(g.scope('mask_downscaling.0'), maskInput, PATCHES); // [B,4,128,128]
  x = g.gelu(layerNorm2d(g.scope('mask_downscaling.1'), x));
  x = conv(g.scope('mask_downscaling.3'), x, PATCHES); // [B,16,64,64]
  return g.gelu(layerNorm2d(g.scope('mask_downscaling.4'), x));
}
