import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';

const { gridSize, upscaledChannels } = DECODER;
const [FIRST, SECOND] = upscaledChannels;
const PLACES = gridSize * gridSize;

/**
 * Names and shapes of SAM 2's high-resolution features in the order in which `upscaling.ts` works: rows of pixels apart by
 * what they become of a row of places (`s1_<dy1>`, `s0_<dy1><dy2>`), and channels last.
 */
export const HIGH_RESOLUTION_SHAPES = {
  s1_0: [1, 2 * PLACES, FIRST],
  s1_1: [1, 2 * PLACES, FIRST],
  s0_00: [1, 4 * PLACES, SECOND],
  s0_01: [1, 4 * PLACES, SECOND],
  s0_10: [1, 4 * PLACES, SECOND],
  s0_11: [1, 4 * PLACES, SECOND],
} as const;

export type HighResolution = Readonly<Record<keyof typeof HIGH_RESOLUTION_SHAPES, Value>>;

/** @param s0 [1,32,256,256]. @param s1 [1,64,128,128]. */
export function rearranged(g: Graph, s0: Value, s1: Value): HighResolution {
  const twice = g.reshape(s1, [FIRST, gridSize, 2, 2 * gridSize]);
  const byRow1 = g.transpose(twice, [2, 1, 3, 0]); // [dy1,i,2j,64]
  const fourTimes = g.reshape(s0, [SECOND, gridSize, 2, 2, 4 * gridSize]);
  const byRow0 = g.transpose(fourTimes, [2, 3, 1, 4, 0]); // [dy1,dy2,i,4j,32]
  const [s1_0, s1_1] = g.split(g.reshape(byRow1, [2, 2 * PLACES, FIRST]), 0, 2);
  const [s0_00, s0_01, s0_10, s0_11] = g.split(g.reshape(byRow0, [4, 4 * PLACES, SECOND]), 0, 4);
  return { s1_0, s1_1, s0_00, s0_01, s0_10, s0_11 } as HighResolution;
}
