import { HIERA_COMMON, type HieraVariant } from '../../architecture.js';

/** What a block takes and gives. */
export interface BlockShape {
  /** Side of the grid it takes, in tokens. */
  readonly side: number;
  /** Side of the windows in which that grid is looked at; as large as the grid where a block sees all of it. */
  readonly window: number;
  /** Channels that it takes and gives. */
  readonly dim: number;
  readonly dimOut: number;
  readonly heads: number;
  /** Whether it is the first of a stage, which halves the grid. */
  readonly isPooled: boolean;
  /** Whether it is the last of a stage, whose output the neck takes. */
  readonly isLast: boolean;
}

/**
 * The blocks of all stages, in their order. The first block of a stage works on the grid, and in the windows, of the stage
 * before: only the blocks after it have their own stage's.
 */
export function blocksOf({ dim, heads, stages, windows, globalAttn }: HieraVariant): BlockShape[] {
  return stages.flatMap((count, stage) =>
    Array.from({ length: count }, (_, i): BlockShape => {
      const isPooled = stage > 0 && i === 0;
      const from = isPooled ? stage - 1 : stage;
      const index = stages.slice(0, stage).reduce((sum, blocks) => sum + blocks, i);
      const side = HIERA_COMMON.gridSize / 2 ** from;
      return {
        side,
        window: globalAttn.includes(index) ? side : (windows[from] as number),
        dim: dim * 2 ** from,
        dimOut: dim * 2 ** stage,
        heads: heads * 2 ** stage,
        isPooled,
        isLast: i === count - 1,
      };
    }),
  );
}
