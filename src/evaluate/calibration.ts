import type { Score } from './measured.js';
import { correlation } from './statistics.js';

const BINS = 10;

/** Predicted IoU against the IoU that there is. */
export interface Calibration {
  /** Of ten equal parts of 0..1 by predicted IoU, those with masks in them. */
  readonly bins: readonly {
    readonly from: number;
    readonly to: number;
    readonly n: number;
    readonly predicted_iou: number;
    readonly iou: number;
  }[];
  /** Mean over masks of how far their bin's two means are apart (Guo et al., 2017). */
  readonly expected_calibration_error: number;
  /** Means of predicted IoU - IoU, and of its absolute value. */
  readonly bias: number;
  readonly mean_absolute_error: number;
  readonly correlation: number | null;
}

/** @param scores one at least. Predictions beyond 0..1 are in the first or the last bin as they are. */
export function calibration(scores: readonly Score[]): Calibration {
  const members = Array.from({ length: BINS }, () => [] as Score[]);
  for (const score of scores) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(BINS * score.predicted_iou)));
    members[bin]?.push(score);
  }
  const mean = (some: readonly Score[], of: (score: Score) => number) =>
    some.reduce((sum, score) => sum + of(score), 0) / some.length;
  const bins = members.flatMap((some, i) =>
    some.length === 0
      ? []
      : {
          ...{ from: i / BINS, to: (i + 1) / BINS, n: some.length },
          predicted_iou: mean(some, (score) => score.predicted_iou),
          iou: mean(some, (score) => score.iou),
        },
  );
  const gaps = bins.map(({ n, predicted_iou, iou }) => n * Math.abs(predicted_iou - iou));
  return {
    bins,
    expected_calibration_error: gaps.reduce((sum, gap) => sum + gap, 0) / scores.length,
    bias: mean(scores, ({ iou, predicted_iou }) => predicted_iou - iou),
    mean_absolute_error: mean(scores, ({ iou, predicted_iou }) => Math.abs(predicted_iou - iou)),
    correlation: correlation(scores.map(({ iou, predicted_iou }) => [predicted_iou, iou])),
  };
}
