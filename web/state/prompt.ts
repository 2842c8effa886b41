import type { DecodedMask } from 'sam-split-client';

/** In pixels of the oriented image; (0,0) is the outer corner of the top-left pixel. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** 1 belongs to the object, 0 does not. */
export type Label = 0 | 1;

export interface PromptPoint extends Place {
  readonly label: Label;
}

/** x1, y1, x2, y2 in pixels of the image. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** A line that was painted: a part of the object, or of what surrounds it. */
export interface Stroke {
  readonly places: readonly Place[];
  /** In pixels of the image. */
  readonly width: number;
  readonly label: Label;
}

/** The mask that a prompt goes on from: one of those that answered an earlier prompt, or one found otherwise. */
export type Start =
  | { readonly prompt: ObjectPrompt; readonly choice: number }
  | { readonly mask: DecodedMask };

/** All that says where an object is. Never changed: each step of the user makes a new one, and keeps the old for undo. */
export interface ObjectPrompt {
  readonly points: readonly PromptPoint[];
  readonly box?: Box;
  /** Painted since `start`. */
  readonly strokes: readonly Stroke[];
  readonly start?: Start;
}

export const EMPTY_PROMPT: ObjectPrompt = { points: [], strokes: [] };

/** Whether there is nothing to ask. */
export function isEmpty({ points, box, strokes, start }: ObjectPrompt): boolean {
  return points.length === 0 && !box && strokes.length === 0 && !start;
}

/** Whether it is a mask as it was found, with nothing to ask. */
export function foundMask({ points, box, strokes, start }: ObjectPrompt): DecodedMask | undefined {
  const untouched = points.length === 0 && !box && strokes.length === 0;
  return untouched && start && 'mask' in start ? start.mask : undefined;
}

/** A lone point is ambiguous: it is answered with the whole, a part, and a part of that. */
export function isAmbiguous({ points, box, strokes, start }: ObjectPrompt): boolean {
  return points.length === 1 && !box && strokes.length === 0 && !start;
}

/**
 * The prompt with a point more. What was answered so far is fed back, as the authors' demo does.
 * @param choice which of the masks that answered it is meant.
 */
export function withPoint(prompt: ObjectPrompt, point: PromptPoint, choice: number): ObjectPrompt {
  return { ...prompt, ...goingOn(prompt, choice), points: [...prompt.points, point] };
}

/** The prompt with this box in place of any other. A new box starts anew: it says more than the mask so far. */
export function withBox({ points }: ObjectPrompt, box: Box): ObjectPrompt {
  return { points, box, strokes: [] };
}

/**
 * The prompt with a stroke more, painted on the mask so far. Its middle becomes a point as well: a painted mask by
 * itself says little to the decoder, which was trained with masks of its own.
 */
export function withStroke(prompt: ObjectPrompt, stroke: Stroke, choice: number): ObjectPrompt {
  const { places, label } = stroke;
  const middle = places[Math.floor(places.length / 2)] as Place;
  const points = [...prompt.points, { ...middle, label }];
  return { ...prompt, ...goingOn(prompt, choice), points, strokes: [stroke] };
}

function goingOn(prompt: ObjectPrompt, choice: number): Pick<ObjectPrompt, 'strokes' | 'start'> {
  if (isEmpty(prompt)) return { strokes: [] };
  const mask = foundMask(prompt);
  return { strokes: [], start: mask ? { mask } : { prompt, choice } };
}
