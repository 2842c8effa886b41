import type { Box } from '../core/prompt.js';

/** Clicks after which the mean is told, and with which an object is given up. */
export const CLICKS = [1, 2, 3, 5, 10] as const;
export const MOST_CLICKS = 20;
/** Of IoU, to which clicks are counted. */
export const TARGETS = [0.85, 0.9] as const;

/** A mask compared with the label. */
export interface Score {
  /** Intersection over union of mask and label, at the image's own size. */
  readonly iou: number;
  /** What the model says of it. */
  readonly predicted_iou: number;
}

/** Clicks one after the other, and what the masks after each are worth: all lists are equally long. */
export interface ClickScores {
  /** Column, row, and 1 for the object or 0 for what is not it. */
  readonly clicks: readonly (readonly [x: number, y: number, label: 0 | 1])[];
  readonly iou: readonly number[];
  readonly predicted_iou: readonly number[];
}

/** COCO's sizes: below 32², below 96², and above, in square pixels. */
export const SIZES = ['small', 'medium', 'large'] as const;
export type Size = (typeof SIZES)[number];

/** @param area in square pixels. */
export function sizeOf(area: number): Size {
  if (area < 32 ** 2) return 'small';
  return area < 96 ** 2 ? 'medium' : 'large';
}

/** What a model made of one object, by each protocol. `docs/evaluation.md` defines them. */
export interface MeasuredObject {
  readonly id: string;
  /** Path below the folder of images. */
  readonly image: string;
  readonly category?: string;
  readonly area: number;
  readonly size: Size;
  readonly point: Score;
  readonly oracle: Score;
  readonly box: Score & { readonly prompt: Box };
  readonly noisy_box: Score & { readonly prompt: Box };
  readonly clicks: ClickScores;
  /** Each click with the logits of the mask before. */
  readonly clicks_with_logits: ClickScores;
}

/** The protocols by which objects are shown in pictures. */
export const PICTURED = ['point', 'oracle', 'box', 'clicks', 'clicks_with_logits'] as const;
export type Pictured = (typeof PICTURED)[number];

/** Masks of an object as COCO's compressed runs; those of clicks after the last of `CLICKS`, or the last there was. */
export type ObjectMasks = Readonly<Record<Pictured, string>>;

/**
 * After so many clicks. Clicks end early where there is nothing left to click on, or after the last of `CLICKS` where the
 * last of `TARGETS` is reached: then the last mask stays.
 */
export function afterClicks({ iou, predicted_iou }: ClickScores, clicks: number): Score {
  const last = Math.min(clicks, iou.length) - 1;
  return { iou: iou[last] as number, predicted_iou: predicted_iou[last] as number };
}

/** Clicks until a mask has this IoU for the first time; `MOST_CLICKS` where none has. */
export function clicksTo(
  target: number,
  { iou }: ClickScores,
): { clicks: number; reached: boolean } {
  const first = iou.findIndex((value) => value >= target);
  return first < 0 ? { clicks: MOST_CLICKS, reached: false } : { clicks: first + 1, reached: true };
}
