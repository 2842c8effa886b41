import type { RgbImage } from '../../core/image.js';
import type { Random } from '../random.js';

/** Of a drawing, in pixels. */
export const SIDE = 512;
/** Distance of dots that are nowhere in an object. */
const SPACING = 15;
const OBJECTS = 4;
/** Radii of objects. */
const [SMALLEST, LARGEST] = [48, 84];

type Colour = readonly [r: number, g: number, b: number];

/** A drawing, and what is to be found in it. */
export interface Scene {
  readonly image: RgbImage;
  /** One byte a pixel, row by row, 1 inside. */
  readonly masks: readonly Uint8Array[];
}

/** A patch with a wavy outline. */
interface Patch {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Of waves along the outline: how high, and where they begin. */
  readonly waves: readonly (readonly [height: number, phase: number])[];
}

/**
 * Patches of one kind of dots among dots of another, on paper: to the eye each patch is a thing, though it has no edge,
 * and to a model that was never told each dot is one.
 */
export function drawScene(random: Random): Scene {
  const patches = placePatches(random);
  const [paper, ink] = [tint(random, 225, 25), tint(random, 120, 40)];
  const data = new Uint8Array(3 * SIDE * SIDE);
  for (let at = 0; at < data.length; at += 3) {
    const grain = 10 * (random() - 0.5);
    data.set(
      paper.map((value) => clamp(value + grain)),
      at,
    );
  }
  const masks = patches.map((patch) =>
    Uint8Array.from({ length: SIDE * SIDE }, (_, i) =>
      isInside(patch, i % SIDE, Math.floor(i / SIDE)) ? 1 : 0,
    ),
  );
  const inks = patches.map(() => tint(random, 70, 60));
  const image = { width: SIDE, height: SIDE, data };
  for (let y = 0; y < SIDE + SPACING; y += SPACING) {
    for (let x = 0; x < SIDE + SPACING; x += SPACING) {
      const at = [x + 6 * (random() - 0.5), y + 6 * (random() - 0.5)] as const;
      const patch = patches.findIndex((patch) => isInside(patch, ...at));
      const radius = (patch < 0 ? 2.4 : 4.6) + 0.8 * random();
      drawDot(image, at, radius, patch < 0 ? ink : (inks[patch] as Colour));
    }
  }
  return { image, masks };
}

/** Patches that do not touch. */
function placePatches(random: Random): Patch[] {
  const patches: Patch[] = [];
  for (let tries = 0; tries < 200 && patches.length < OBJECTS; tries++) {
    const radius = SMALLEST + (LARGEST - SMALLEST) * random();
    const [x, y] = [random(), random()].map((at) => radius + at * (SIDE - 2 * radius));
    const waves = [2, 3, 4].map(
      (wave) => [(0.35 * random()) / wave, 2 * Math.PI * random()] as const,
    );
    const patch = { x: x as number, y: y as number, radius, waves };
    const isFree = patches.every(
      (other) => Math.hypot(other.x - patch.x, other.y - patch.y) > 1.3 * (other.radius + radius),
    );
    if (isFree) patches.push(patch);
  }
  return patches;
}

function isInside({ x, y, radius, waves }: Patch, px: number, py: number): boolean {
  const angle = Math.atan2(py - y, px - x);
  const outline = waves.reduce(
    (sum, [height, phase], i) => sum + height * Math.sin((i + 2) * angle + phase),
    1,
  );
  return Math.hypot(px - x, py - y) < radius * outline;
}

function drawDot(
  { data }: RgbImage,
  [cx, cy]: readonly [number, number],
  radius: number,
  colour: Colour,
) {
  for (
    let y = Math.max(0, Math.floor(cy - radius));
    y <= Math.min(SIDE - 1, cy + radius + 1);
    y++
  ) {
    for (
      let x = Math.max(0, Math.floor(cx - radius));
      x <= Math.min(SIDE - 1, cx + radius + 1);
      x++
    ) {
      const cover = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x - cx, y - cy)));
      const at = 3 * (y * SIDE + x);
      for (const [channel, value] of colour.entries()) {
        const below = data[at + channel] as number;
        data[at + channel] = below + cover * (value - below);
      }
    }
  }
}

/** A colour about so light. */
function tint(random: Random, lightness: number, spread: number): Colour {
  const channel = () => clamp(lightness + 2 * spread * (random() - 0.5));
  return [channel(), channel(), channel()];
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, value));
}
