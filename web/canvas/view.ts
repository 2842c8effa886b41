import { computed, signal } from '@preact/signals';
import type { ImageSize } from '../../src/core/image.js';
import { picture } from '../state/picture.js';
import type { Place } from '../state/prompt.js';

/** How the image lies on the canvas: its pixels are `scale` wide, and its corner is at (x, y), in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** Room around an image that is seen as a whole, and below it for the tools, in CSS pixels. */
const MARGIN = 16;
const TOOLS = 64;
/** A pixel of the image is at most so many wide. */
const LARGEST = 32;

/** Of the canvas, in CSS pixels. */
export const canvasSize = signal({ width: 0, height: 0 });

/** What the user has made of it; none while the whole image is seen. */
const moved = signal<View | undefined>(undefined);

const whole = computed<View>(() => {
  const image = picture.value ?? { width: 1, height: 1 };
  const { width, height } = canvasSize.value;
  const scale = Math.min(
    Math.max(width - 2 * MARGIN, 1) / image.width,
    Math.max(height - 2 * MARGIN - TOOLS, 1) / image.height,
    // Small images are not blown up: their pixels would be all one sees.
    4,
  );
  return {
    scale,
    x: (width - image.width * scale) / 2,
    y: (height - TOOLS - image.height * scale) / 2,
  };
});

export const view = computed(() => moved.value ?? whole.value);

/** The size in which the image is shown, in pixels of the screen, and no larger than it is. */
export function shownSize(): ImageSize {
  const { width, height } = picture.value ?? { width: 1, height: 1 };
  const scale = Math.min(view.value.scale * devicePixelRatio, 1);
  return { width: Math.ceil(width * scale), height: Math.ceil(height * scale) };
}

export function seeWhole(): void {
  moved.value = undefined;
}

/** @param at what stays where it is, in CSS pixels of the canvas; its middle by default. */
export function zoom(factor: number, at: Place = middle()): void {
  const { scale, x, y } = view.value;
  const next = Math.min(Math.max(scale * factor, whole.value.scale / 4), LARGEST);
  const ratio = next / scale;
  moved.value = within({ scale: next, x: at.x + (x - at.x) * ratio, y: at.y + (y - at.y) * ratio });
}

export function pan(dx: number, dy: number): void {
  const { scale, x, y } = view.value;
  moved.value = within({ scale, x: x + dx, y: y + dy });
}

/** A place on the canvas as one on the image, at its edge where it lies outside. */
export function toImage({ x, y }: Place): Place {
  const { scale, x: left, y: top } = view.value;
  const { width, height } = picture.value ?? { width: 0, height: 0 };
  return { x: clamp((x - left) / scale, width), y: clamp((y - top) / scale, height) };
}

/** Whether a place on the canvas is on the image. */
export function isOnImage({ x, y }: Place): boolean {
  const { scale, x: left, y: top } = view.value;
  const { width, height } = picture.value ?? { width: 0, height: 0 };
  const [column, row] = [(x - left) / scale, (y - top) / scale];
  return column >= 0 && row >= 0 && column <= width && row <= height;
}

/** Moves the view so far that a place of the image is seen. */
export function reveal({ x, y }: Place): void {
  const { scale, x: left, y: top } = view.value;
  const { width, height } = canvasSize.value;
  const [sx, sy] = [left + x * scale, top + y * scale];
  const dx = sx < MARGIN ? MARGIN - sx : Math.min(0, width - MARGIN - sx);
  const dy = sy < MARGIN ? MARGIN - sy : Math.min(0, height - MARGIN - sy);
  if (dx || dy) pan(dx, dy);
}

function middle(): Place {
  const { width, height } = canvasSize.value;
  return { x: width / 2, y: height / 2 };
}

/** Some of the image is always seen. */
function within({ scale, x, y }: View): View {
  const { width, height } = canvasSize.value;
  const image = picture.value ?? { width: 1, height: 1 };
  const side = (at: number, length: number, room: number) =>
    Math.min(Math.max(at, 2 * MARGIN - length), room - 2 * MARGIN);
  return {
    scale,
    x: side(x, image.width * scale, width),
    y: side(y, image.height * scale, height),
  };
}

/** To a tenth of a pixel: nobody points more precisely, and requests can be read. */
function clamp(value: number, length: number): number {
  return Math.round(10 * Math.min(Math.max(value, 0), length)) / 10;
}
