import type { Detection } from '../core/find/detection.js';
import { labelOf, type MaskName, type MaskNames } from '../core/masks/mask-name.js';
import type { Box } from '../core/prompt.js';
import { iou } from './overlap.js';

const COLUMNS = 6;

/** Detections as `MaskNames` has them. */
export function packed(detections: readonly Detection[]): Float64Array {
  const bytes = detections.length * COLUMNS * Float64Array.BYTES_PER_ELEMENT;
  const boxes = new Float64Array(new SharedArrayBuffer(bytes));
  for (const [i, { box, label, score }] of detections.entries()) {
    boxes.set([...box, label, score], i * COLUMNS);
  }
  return boxes;
}

/**
 * What a mask is called: of all boxes that fit the box around it the one with the best score says so. Boxes that answer
 * nothing do not take part, and those that overlap each other do: a mask may fit any of them. Of equals the first.
 * @param box x1, y1, x2, y2 of the mask, edges included.
 * @returns without a label where none fits.
 */
export function nameOf(box: Box, { labels, boxes, overlap }: MaskNames): MaskName {
  let [place, best] = [labels.length, 0];
  for (let at = 0; at < boxes.length; at += COLUMNS) {
    const score = boxes[at + 5] as number;
    if (score <= best) continue;
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = boxes.subarray(at, at + 4);
    if (iou(box, [x1, y1, x2, y2]) > overlap) [place, best] = [boxes[at + 4] as number, score];
  }
  const phrase = labels[place];
  return phrase === undefined ? { place } : { label: labelOf(phrase), text_score: best, place };
}
