/**
 * A mask as the lengths of its runs, as COCO has it: pixels are counted in column-major order, down one column after
 * the other, and runs outside and inside of the mask take turns. The first is outside, and may be 0.
 */
export type RunLengths = readonly number[];

/** The same in 32 bits each. */
export type PackedRunLengths = Uint32Array;
