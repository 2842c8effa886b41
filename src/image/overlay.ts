import sharp from 'sharp';
import type { RgbImage } from '../core/image.js';
import type { Box, Point, Prompt } from '../core/prompt.js';

type Colour = readonly [r: number, g: number, b: number];

/** Told apart by most people, colour-blind ones too; in the order in which prompts get them. */
const MASK_COLOURS: readonly Colour[] = [
  [30, 144, 255],
  [255, 140, 0],
  [0, 190, 140],
  [220, 90, 200],
  [240, 220, 60],
  [90, 90, 240],
];
const WHITE: Colour = [255, 255, 255];
const FOREGROUND: Colour = [40, 200, 60];
const BACKGROUND: Colour = [230, 40, 40];
/** How much of a mask's colour covers the photograph. */
const OPACITY = 0.45;

/**
 * The photograph with masks and prompts drawn on it, as a PNG.
 * @param masks column-major run lengths of the image's size, background first, one for each prompt.
 * @param prompts in pixels of the image.
 */
export async function drawOverlay(
  image: RgbImage,
  masks: readonly (readonly number[])[],
  prompts: readonly Prompt[],
): Promise<Uint8Array> {
  const { width, height } = image;
  const canvas: RgbImage = { width, height, data: Uint8Array.from(image.data) };
  const thickness = Math.max(1, Math.round(Math.max(width, height) / 500));
  const inside = new Uint8Array(width * height);
  for (const [i, counts] of masks.entries()) {
    drawMask(canvas, counts, inside, MASK_COLOURS[i % MASK_COLOURS.length] as Colour, thickness);
  }
  for (const { box, point_coords = [], point_labels = [] } of prompts) {
    if (box) drawBox(canvas, box, thickness);
    for (const [i, point] of point_coords.entries()) {
      drawPoint(canvas, point, point_labels[i] === 1 ? FOREGROUND : BACKGROUND, 4 * thickness);
    }
  }
  return sharp(canvas.data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png()
    .toBuffer();
}

/** Tints the inside, for which it needs room of a byte a pixel, and draws the ends of every run, and of every row's, in the full colour. */
function drawMask(
  canvas: RgbImage,
  counts: readonly number[],
  inside: Uint8Array,
  colour: Colour,
  thickness: number,
): void {
  const { width, height } = canvas;
  inside.fill(0);
  let end = 0;
  for (const [i, count] of counts.entries()) {
    end += count;
    if (i % 2) inside.fill(1, end - count, end);
  }
  const covers = (x: number, y: number) =>
    x >= 0 && x < width && y >= 0 && y < height && inside[x * height + y] === 1;
  let at = 0;
  for (const [i, count] of counts.entries()) {
    const end = at + count;
    for (; i % 2 && at < end; at++) {
      const [x, y] = [Math.floor(at / height), at % height];
      const edge =
        !covers(x - thickness, y) ||
        !covers(x + thickness, y) ||
        !covers(x, y - thickness) ||
        !covers(x, y + thickness);
      blend(canvas, x, y, colour, edge ? 1 : OPACITY);
    }
    at = end;
  }
}

function drawBox(canvas: RgbImage, [x1, y1, x2, y2]: Box, thickness: number): void {
  fill(canvas, [x1, y1, x2, y1 + thickness]);
  fill(canvas, [x1, y2 - thickness, x2, y2]);
  fill(canvas, [x1, y1, x1 + thickness, y2]);
  fill(canvas, [x2 - thickness, y1, x2, y2]);
}

function fill(canvas: RgbImage, [x1, y1, x2, y2]: Box): void {
  for (let y = Math.floor(y1); y < y2; y++) {
    for (let x = Math.floor(x1); x < x2; x++) blend(canvas, x, y, WHITE, 1);
  }
}

/** A disc with a white rim. */
function drawPoint(canvas: RgbImage, [cx, cy]: Point, colour: Colour, radius: number): void {
  const rim = radius * 1.4;
  for (let y = Math.floor(cy - rim); y <= cy + rim; y++) {
    for (let x = Math.floor(cx - rim); x <= cx + rim; x++) {
      const distance = Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
      if (distance <= rim) blend(canvas, x, y, distance <= radius ? colour : WHITE, 1);
    }
  }
}

/** Lays a colour over one pixel; outside the canvas there is nothing to do. */
function blend(
  { data, width, height }: RgbImage,
  x: number,
  y: number,
  colour: Colour,
  opacity: number,
): void {
  if (x < 0 || x >= width || y < 0 || y >= height) return;
  const at = (y * width + x) * 3;
  for (let channel = 0; channel < 3; channel++) {
    const below = data[at + channel] as number;
    data[at + channel] = Math.round(below + ((colour[channel] as number) - below) * opacity);
  }
}
