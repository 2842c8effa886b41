import type { RgbImage } from '../../core/image.js';
import type { Random } from '../random.js';

/** Of a drawing, in pixels. */
export const SIDE = 512;
const OBJECTS = 4;
/** Radii of cells. */
const [SMALLEST, LARGEST] = [48, 84];
/** Part of the radius over which a cell fades into the tissue. */
const FADE = 0.07;

type Colour = readonly [r: number, g: number, b: number];

const TISSUE: Colour = [232, 209, 221];
/** What a cell takes from the light of the tissue: little. */
const STAIN: Colour = [9, 19, 11];
const NUCLEUS: Colour = [110, 70, 140];

/** A drawing, and what is to be found in it. */
export interface Scene {
  readonly image: RgbImage;
  /** One byte a pixel, row by row, 1 inside. */
  readonly masks: readonly Uint8Array[];
}

/** A cell with a wavy outline. */
interface Cell {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Of waves along the outline: how high, and where they begin. */
  readonly waves: readonly (readonly [height: number, phase: number])[];
  /** Its size, as a part of the cell's. */
  readonly nucleus: number;
}

/**
 * Pale cells with dark nuclei in tissue that is hardly paler, as under a microscope. To who looks for cells each is a
 * thing; a model that was never told takes a click in the middle of one for its nucleus.
 */
export function drawScene(random: Random): Scene {
  const cells = placeCells(random);
  const tissue = shifted(TISSUE, 5 * (2 * random() - 1));
  const body = tissue.map((value, i) => value - (STAIN[i] as number));
  const data = new Uint8Array(3 * SIDE * SIDE);
  const masks = cells.map(() => new Uint8Array(SIDE * SIDE));
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    // Cells do not touch.
    const at = cells.findIndex((cell) => depth(cell, x, y) < 1);
    const inside = at < 0 ? 1 : depth(cells[at] as Cell, x, y);
    if (at >= 0) (masks[at] as Uint8Array)[pixel] = 1;
    const nucleus = cells[at]?.nucleus ?? 0;
    const grain = 16 * (random() - 0.5);
    for (let channel = 0; channel < 3; channel++) {
      const [pale, paler] = [body[channel] as number, tissue[channel] as number];
      const around = pale + rise(1 - FADE, 1, inside) * (paler - pale);
      const dark = NUCLEUS[channel] as number;
      const value = dark + rise(nucleus - FADE, nucleus, inside) * (around - dark);
      data[3 * pixel + channel] = Math.min(255, value + grain + 8 * (random() - 0.5));
    }
  }
  return { image: { width: SIDE, height: SIDE, data }, masks };
}

/** Cells that do not touch. */
function placeCells(random: Random): Cell[] {
  const cells: Cell[] = [];
  for (let tries = 0; tries < 200 && cells.length < OBJECTS; tries++) {
    const radius = SMALLEST + (LARGEST - SMALLEST) * random();
    const [x, y] = [random(), random()].map((at) => radius + at * (SIDE - 2 * radius));
    const waves = [2, 3, 4].map(
      (wave) => [(0.25 * random()) / wave, 2 * Math.PI * random()] as const,
    );
    const nucleus = 0.35 + 0.15 * random();
    const cell = { x: x as number, y: y as number, radius, waves, nucleus };
    const isFree = cells.every(
      (other) => Math.hypot(other.x - cell.x, other.y - cell.y) > 1.3 * (other.radius + radius),
    );
    if (isFree) cells.push(cell);
  }
  return cells;
}

/** Where between the middle (0) and the outline (1) of a cell a point is, or how far out of it. */
function depth({ x, y, radius, waves }: Cell, px: number, py: number): number {
  const far = Math.hypot(px - x, py - y) / radius;
  // No wave is so high.
  if (far > 1.5) return far;
  const angle = Math.atan2(py - y, px - x);
  const outline = waves.reduce(
    (sum, [height, phase], i) => sum + height * Math.sin((i + 2) * angle + phase),
    1,
  );
  return far / outline;
}

/** From 0 at `from` to 1 at `to`, straight. */
function rise(from: number, to: number, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

function shifted(colour: Colour, by: number): Colour {
  const [r, g, b] = colour;
  return [r + by, g + by, b + by];
}
