import type { ImageSize } from '../../src/core/image.js';
import { picture } from '../state/picture.js';
import { preview } from '../state/preview.js';
import { EMPTY_PROMPT, type Label, type ObjectPrompt, type Place } from '../state/prompt.js';
import { activeObject } from '../state/scene.js';
import { brushWidth } from '../state/tool.js';
import { drawStroke } from './coverage.js';
import { cursor, gesture } from './gesture.js';
import { outlineOf } from './outline.js';
import { shownMasks } from './shown-masks.js';
import { type View, view } from './view.js';

const ADDED = '#16a34a';
const TAKEN = '#dc2626';
const WHITE = '#ffffff';
const INK = '#0b1220';

type Context = CanvasRenderingContext2D;

/** Draws the image. @param ratio pixels of the screen for each CSS pixel. */
export function paintImage(context: Context, ratio: number): void {
  clear(context);
  const image = picture.value;
  if (!image) return;
  place(context, ratio, view.value);
  // Pixels are to be seen when they are looked at closely.
  context.imageSmoothingEnabled = view.value.scale < 4;
  context.drawImage(image.bitmap, 0, 0, image.width, image.height);
}

/** Draws the masks there are. */
export function paintMasks(context: Context, ratio: number): void {
  clear(context);
  if (!picture.value) return;
  const { scale } = view.value;
  place(context, ratio, view.value);
  for (const { mask, colour, opacity, line } of shownMasks.value) {
    const outline = outlineOf(mask);
    context.fillStyle = colour;
    context.strokeStyle = colour;
    context.globalAlpha = opacity;
    context.fill(outline, 'evenodd');
    context.globalAlpha = 1;
    context.lineWidth = line / scale;
    context.lineJoin = 'round';
    context.stroke(outline);
  }
}

/** Draws what changes under the hand: what a click would make, what is being drawn, the prompt. */
export function paintMarks(context: Context, ratio: number): void {
  clear(context);
  if (!picture.value) return;
  const at = view.value;
  place(context, ratio, at);
  paintPreview(context, picture.value, at);
  paintGesture(context, at);
  paintPrompt(context, activeObject.value.prompt, at);
  if (cursor.value) paintCursor(context, cursor.value, at);
}

function clear(context: Context): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

/** From now on in pixels of the image. */
function place(context: Context, ratio: number, { scale, x, y }: View): void {
  context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
}

function paintPreview(context: Context, image: ImageSize, { scale }: View): void {
  const mask = preview.value;
  if (!mask) return;
  // In the image's pixels from the mask's, which may be larger.
  const [height, width] = mask.segmentation.size;
  const [wider, higher] = [image.width / width, image.height / height];
  const outline = new Path2D();
  outline.addPath(outlineOf(mask), new DOMMatrix([wider, 0, 0, higher, 0, 0]));
  context.fillStyle = activeObject.value.colour;
  context.globalAlpha = 0.25;
  context.fill(outline, 'evenodd');
  context.globalAlpha = 1;
  context.setLineDash([6 / scale, 4 / scale]);
  lined(context, 1.5 / scale, WHITE, () => context.stroke(outline));
  context.setLineDash([]);
}

function paintGesture(context: Context, { scale }: View): void {
  const drawn = gesture.value;
  if (drawn?.kind === 'box') {
    const { from, to } = drawn;
    const [width, height] = [to.x - from.x, to.y - from.y];
    lined(context, 2 / scale, WHITE, () => context.strokeRect(from.x, from.y, width, height));
  } else if (drawn) {
    context.strokeStyle = drawn.label ? ADDED : TAKEN;
    context.globalAlpha = 0.6;
    drawStroke(context, { places: drawn.places, width: brushWidth.value / scale });
    context.globalAlpha = 1;
  }
}

function paintPrompt(context: Context, prompt: ObjectPrompt = EMPTY_PROMPT, at: View): void {
  const { box, points } = prompt;
  if (box) {
    const [x1, y1, x2, y2] = box;
    lined(context, 2 / at.scale, WHITE, () => context.strokeRect(x1, y1, x2 - x1, y2 - y1));
  }
  for (const point of points) paintPoint(context, point, point.label, at);
}

/** A disc with a plus or a minus, told apart without colours as well. */
function paintPoint(context: Context, { x, y }: Place, label: Label, { scale }: View): void {
  const radius = 8 / scale;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = label ? ADDED : TAKEN;
  context.fill();
  context.strokeStyle = WHITE;
  context.lineWidth = 2 / scale;
  context.stroke();
  context.beginPath();
  const arm = 4 / scale;
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  if (label) {
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
  }
  context.stroke();
}

function paintCursor(context: Context, { x, y }: Place, { scale }: View): void {
  const [near, far] = [4 / scale, 14 / scale];
  lined(context, 2 / scale, WHITE, () => {
    context.beginPath();
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      context.moveTo(x + dx * near, y + dy * near);
      context.lineTo(x + dx * far, y + dy * far);
    }
    context.stroke();
  });
}

/** A line that is seen on any ground: its colour on a dark one that is wider. */
function lined(context: Context, width: number, colour: string, stroke: () => void): void {
  context.lineWidth = 2 * width;
  context.strokeStyle = INK;
  context.globalAlpha = 0.45;
  stroke();
  context.globalAlpha = 1;
  context.lineWidth = width;
  context.strokeStyle = colour;
  stroke();
}
