import type { RunLengths } from '../core/masks/run-lengths.js';
import { connectedComponents, runsOfStrips, type Strip, stripsOf } from './components.js';

/** A mask without its small regions, and whether it had any. */
export interface Cleaned {
  readonly counts: RunLengths;
  readonly changed: boolean;
}

/**
 * segment-anything's `remove_small_regions`, first for holes and then for islands: regions of fewer than
 * `minArea` pixels, joined at sides and corners, go. Where all islands are small the largest stays.
 * @param height of the image.
 */
export function removeSmallRegions(counts: RunLengths, height: number, minArea: number): Cleaned {
  const filled = fillHoles(counts, height, minArea);
  const cleaned = dropIslands(filled ?? counts, height, minArea);
  return { counts: cleaned ?? filled ?? counts, changed: Boolean(filled ?? cleaned) };
}

/** @returns undefined when there are none. */
function fillHoles(counts: RunLengths, height: number, minArea: number) {
  const { strips, labels } = connectedComponents(counts, height, 'outside', 8);
  const areas = areasOf(strips, labels);
  const holes = strips.filter((_, i) => (areas.get(labels[i] as number) as number) < minArea);
  if (holes.length === 0) return undefined;
  return runsOfStrips([...stripsOf(counts, height, 'inside'), ...holes], height, sum(counts));
}

/** @returns undefined when there are none. */
function dropIslands(counts: RunLengths, height: number, minArea: number) {
  const { strips, labels } = connectedComponents(counts, height, 'inside', 8);
  const areas = areasOf(strips, labels);
  const large = [...areas].filter(([, area]) => area >= minArea);
  if (large.length === areas.size) return undefined;
  const largest = [...areas].reduce((most, next) => (next[1] > most[1] ? next : most));
  const kept = new Set((large.length > 0 ? large : [largest]).map(([label]) => label));
  return runsOfStrips(
    strips.filter((_, i) => kept.has(labels[i] as number)),
    height,
    sum(counts),
  );
}

function areasOf(strips: readonly Strip[], labels: Int32Array): Map<number, number> {
  const areas = new Map<number, number>();
  for (const [i, { from, to }] of strips.entries()) {
    const label = labels[i] as number;
    areas.set(label, (areas.get(label) ?? 0) + to - from);
  }
  return areas;
}

function sum(counts: RunLengths): number {
  return counts.reduce((total, count) => total + count, 0);
}
