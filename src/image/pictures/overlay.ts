import sharp from 'sharp';
import type { Pixels } from '../../core/image.js';
import type { PackedRunLengths } from '../../core/masks/run-lengths.js';
import type { Box, Point, Prompt } from '../../core/prompt.js';
import { fromColumns, toColumns } from './columns.js';
import { Cover, type Strips, stripsOf } from './strips.js';

/** What is drawn on, whatever the order of its pixels. */
type Ground = Pick<Pixels, 'channels' | 'data'>;
/** Pixels column by column. */
type Columns = Ground & Pick<Pixels, 'height'>;
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
 * The photograph with masks and prompts drawn on it, as a PNG. What is drawn on transparent ground is as opaque as it is on
 * any other; the rest keeps its opacity.
 * @param image which is drawn upon.
 * @param masks of the image's size, one for each prompt.
 * @param prompts in pixels of the image.
 */
export async function drawOverlay(
  image: Pixels,
  masks: Iterable<PackedRunLengths>,
  prompts: readonly Prompt[],
): Promise<Uint8Array> {
  const { width, height, channels } = image;
  const thickness = Math.max(1, Math.round(Math.max(width, height) / 500));
  const columns = toColumns(image);
  let drawn = 0;
  for (const runs of masks) {
    const colour = MASK_COLOURS[drawn++ % MASK_COLOURS.length] as Colour;
    drawMask({ height, channels, data: columns }, stripsOf(runs, height), colour, thickness);
  }
  fromColumns(columns, image);
  for (const { box, point_coords = [], point_labels = [] } of prompts) {
    if (box) drawBox(image, box, thickness);
    for (const [i, point] of point_coords.entries()) {
      drawPoint(image, point, point_labels[i] === 1 ? FOREGROUND : BACKGROUND, 4 * thickness);
    }
  }
  return sharp(image.data, { raw: { width, height, channels }, limitInputPixels: false })
    .png()
    .toBuffer();
}

/**
 * Tints the inside, and draws what lies within `thickness` of the outside, along a row or column, in the full colour.
 * @param columns pixels column by column.
 */
function drawMask(columns: Columns, strips: Strips, colour: Colour, thickness: number): void {
  const { height } = columns;
  const tints = tintsOf(colour);
  const column = thickness * height;
  const around = [thickness, -thickness, column, -column].map((shift) => new Cover(strips, shift));
  for (let i = 0; i < strips.count; i++) {
    const end = strips.ends[i] as number;
    let at = strips.starts[i] as number;
    const top = at - (at % height);
    // Nearer to the top or the bottom, what is found above or below belongs to another column.
    const [first, last] = [top + thickness, top + height - thickness];
    while (at < end) {
      let surrounded = at >= first && at < last;
      let next = Math.min(end, at < first ? first : at < last ? last : end);
      for (const cover of around) {
        if (!cover.at(at)) surrounded = false;
        next = Math.min(next, cover.until);
      }
      if (surrounded) tint(columns, at, next, colour, tints);
      else paint(columns, at, next, colour);
      at = next;
    }
  }
}

/** Lays a colour over the pixels [from, to). */
function paint({ data, channels }: Ground, from: number, to: number, [r, g, b]: Colour): void {
  const end = to * channels;
  for (let at = from * channels; at < end; at += channels) {
    data[at] = r;
    data[at + 1] = g;
    data[at + 2] = b;
    if (channels === 4) data[at + 3] = 255;
  }
}

/** Tints the pixels [from, to): those that are opaque become what `tintsOf` says. */
function tint(
  { data, channels }: Ground,
  from: number,
  to: number,
  colour: Colour,
  tints: Uint8Array,
): void {
  const end = to * channels;
  for (let at = from * channels; at < end; at += channels) {
    if (channels === 4 && data[at + 3] !== 255) tintTransparent(data.subarray(at, at + 4), colour);
    else {
      data[at] = tints[data[at] as number] as number;
      data[at + 1] = tints[256 + (data[at + 1] as number)] as number;
      data[at + 2] = tints[512 + (data[at + 2] as number)] as number;
    }
  }
}

/** Porter and Duff's "over": a colour of `OPACITY` on a pixel of less than full opacity. */
function tintTransparent(pixel: Uint8Array, colour: Colour): void {
  const below = ((pixel[3] as number) / 255) * (1 - OPACITY);
  const opacity = OPACITY + below;
  for (const [channel, value] of colour.entries()) {
    pixel[channel] = Math.round((OPACITY * value + below * (pixel[channel] as number)) / opacity);
  }
  pixel[3] = Math.round(255 * opacity);
}

/** What each value of each channel becomes inside of a mask, on opaque ground. */
function tintsOf(colour: Colour): Uint8Array {
  return Uint8Array.from({ length: 3 * 256 }, (_, i) => {
    const below = i % 256;
    return Math.round(below + ((colour[i >> 8] as number) - below) * OPACITY);
  });
}

function drawBox(canvas: Pixels, [x1, y1, x2, y2]: Box, thickness: number): void {
  fill(canvas, [x1, y1, x2, y1 + thickness]);
  fill(canvas, [x1, y2 - thickness, x2, y2]);
  fill(canvas, [x1, y1, x1 + thickness, y2]);
  fill(canvas, [x2 - thickness, y1, x2, y2]);
}

function fill(canvas: Pixels, [x1, y1, x2, y2]: Box): void {
  const from = Math.max(0, Math.floor(x1));
  const to = Math.min(canvas.width, Math.ceil(x2));
  const bottom = Math.min(canvas.height, Math.ceil(y2));
  for (let y = Math.max(0, Math.floor(y1)); y < bottom; y++) {
    paint(canvas, y * canvas.width + from, y * canvas.width + to, WHITE);
  }
}

/** A disc with a white rim. */
function drawPoint(canvas: Pixels, [cx, cy]: Point, colour: Colour, radius: number): void {
  const { width, height } = canvas;
  const rim = radius * 1.4;
  const bottom = Math.min(height - 1, cy + rim);
  const right = Math.min(width - 1, cx + rim);
  for (let y = Math.max(0, Math.floor(cy - rim)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(cx - rim)); x <= right; x++) {
      const distance = Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
      const at = y * width + x;
      if (distance <= rim) paint(canvas, at, at + 1, distance <= radius ? colour : WHITE);
    }
  }
}
