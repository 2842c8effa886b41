import { picking } from '../state/found.js';
import { announce } from '../state/notice.js';
import { picture } from '../state/picture.js';
import { hovered } from '../state/preview.js';
import type { Label, Place } from '../state/prompt.js';
import { mode, tool } from '../state/tool.js';
import { click, finishGesture } from './click.js';
import { cursor, gesture } from './gesture.js';
import { pan, reveal, view } from './view.js';

/** CSS pixels that an arrow key moves the cursor; with Shift. */
const STEP = 16;
const FINE_STEP = 2;

const ARROWS: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Keys on the canvas: a cursor that arrows move, and what is done where it is. @returns whether it was one of those */
export function pressOnCanvas({ key, shiftKey }: KeyboardEvent): boolean {
  const arrow = ARROWS[key];
  const step = shiftKey ? FINE_STEP : STEP;
  if (arrow && tool.value === 'move') pan(-arrow[0] * step, -arrow[1] * step);
  else if (arrow) moveBy(arrow, step);
  else if (key === 'Enter') actAt(start(), shiftKey ? 0 : mode.value);
  else if (key.toLowerCase() === 'r') beginBox(start());
  else if (key === 'Escape' && gesture.value) gesture.value = undefined;
  else return false;
  return true;
}

/** In the middle of the image at first. */
function start(): Place {
  const { width, height } = picture.value ?? { width: 0, height: 0 };
  cursor.value ??= { x: Math.round(width / 2), y: Math.round(height / 2) };
  return cursor.value;
}

function moveBy([dx, dy]: readonly [number, number], step: number): void {
  const length = step / view.value.scale;
  const { width, height } = picture.value ?? { width: 0, height: 0 };
  const from = start();
  const to = {
    x: Math.round(10 * Math.min(Math.max(from.x + dx * length, 0), width)) / 10,
    y: Math.round(10 * Math.min(Math.max(from.y + dy * length, 0), height)) / 10,
  };
  cursor.value = to;
  reveal(to);
  hovered.value = { ...to, label: mode.value };
  const drawn = gesture.value;
  if (drawn?.kind === 'box') gesture.value = { ...drawn, to };
  if (drawn?.kind === 'stroke') gesture.value = { ...drawn, places: [...drawn.places, to] };
  announce(`${Math.round(to.x)}, ${Math.round(to.y)}`);
}

function beginBox(at: Place): void {
  gesture.value = { kind: 'box', from: at, to: at };
  announce('Box begun. Move to the opposite corner and press Enter.');
}

/** Ends what was begun, begins to paint, or clicks. */
function actAt(at: Place, label: Label): void {
  if (gesture.value) finishGesture();
  else if (tool.value !== 'brush' || picking.value) click(at, label);
  else {
    gesture.value = { kind: 'stroke', places: [at], label };
    announce('Painting. Move the cursor, and press Enter to lift the brush.');
  }
}
