import { violation } from '../../../core/errors.js';
import type { Georeference } from '../../../core/mask.js';

/** A pixel's side that is shorter is no place on the earth. */
const SMALLEST = 1e-12;
/** Sides of a pixel that differ by more are no pixel's, and an angle between them that has less of a sine is none. */
const LONGER = 100;
const NARROWER = 1e-6;
/** By how much an origin may be larger than a pixel, so that pixels differ in the digits of a number. */
const FARTHER = 2 ** 42;
/** Pixels of the longest side that an image may have. */
const SIDE = 2 ** 16;

const ORDER = "[a, b, c, d, e, f] with x' = a x + b y + c and y' = d x + e y + f";
const TRANSFORM = `send ${ORDER}, as rasterio's Affine; GDAL's order is [c, a, b, f, d, e]`;
const BOUNDS =
  "send [west, south, east, north]; GDAL's -a_ullr has the order [west, north, east, south]";

/**
 * Where an image lies, as a request says.
 * @param transform six numbers, or the nine of a matrix. @param bounds edges; in degrees, west is above east where the
 *   image lies across the antimeridian.
 * @throws SamError `invalid-request` for what places no image: without area, upside down, the long way round the earth
 */
export function readGeoreference(
  transform: readonly number[] | undefined,
  bounds: readonly number[] | undefined,
): Georeference {
  if (transform && bounds)
    throw violation('invalid-request', '/bounds', 'must not stand beside transform');
  if (transform) return { transform: readTransform(transform) };
  if (bounds) return { bounds: readBounds(bounds) };
  return {};
}

type Transform = NonNullable<Georeference['transform']>;
type Bounds = NonNullable<Georeference['bounds']>;

function readTransform(numbers: readonly number[]): Transform {
  const refuse = (what: string) =>
    violation('invalid-request', '/transform', `${what}: ${TRANSFORM}`);
  const last = numbers.slice(6);
  if (last.length > 0 && last.join() !== '0,0,1') {
    throw refuse('must have six numbers, or nine of which the last three are 0, 0, 1');
  }
  const [a, b, c, d, e, f] = numbers as unknown as Transform;
  const [across, down] = [Math.hypot(a, d), Math.hypot(b, e)];
  if (Math.abs(a * e - b * d) <= NARROWER * across * down) {
    throw refuse('must not be singular: the image would have no area');
  }
  const [short, long] = [Math.min(across, down), Math.max(across, down)];
  // What GDAL says of an image with north up has zeros in those two places; here only a quarter turn has.
  const isGdal = c === 0 && e === 0 && !(a === 0 && Math.abs(b) === Math.abs(d));
  if (isGdal || long > LONGER * short) {
    throw refuse(`makes a pixel of ${across} by ${down}, which is none`);
  }
  if (short < SMALLEST) throw refuse('makes pixels too small for any place on the earth');
  const steps: [origin: number, step: number][] = [
    [c, Math.max(Math.abs(a), Math.abs(b))],
    [f, Math.max(Math.abs(d), Math.abs(e))],
  ];
  if (steps.some(([origin, step]) => Math.abs(origin) > FARTHER * step)) {
    throw refuse('lies so far off that pixels have the same coordinates');
  }
  return [a, b, c, d, e, f];
}

function readBounds(numbers: readonly number[]): Bounds {
  const refuse = (what: string) => violation('invalid-request', '/bounds', `${what}: ${BOUNDS}`);
  let [west, south, east, north] = numbers as unknown as Bounds;
  if (south > north) throw refuse('must have south below north, or the image is upside down');
  if (west > east) {
    if (!isDegrees(west, south) || !isDegrees(east, north)) {
      throw refuse('must have west below east, but for degrees across the antimeridian');
    }
    // The antimeridian is one place with two names.
    if (west === 180) west = -180;
    else if (east === -180) east = 180;
    else if (east + 360 - west > 180) {
      throw refuse('must have west below east, or the image goes the long way round the earth');
    }
  }
  const width = west > east ? east + 360 - west : east - west;
  const height = north - south;
  if (width < SMALLEST || height < SMALLEST) throw refuse('must not have edges in one place');
  const [x, y] = [Math.max(Math.abs(west), Math.abs(east)), Math.max(-south, north)];
  if (x * SIDE > FARTHER * width || y * SIDE > FARTHER * height) {
    throw refuse('lies so far off that pixels have the same coordinates');
  }
  return [west, south, east, north];
}

function isDegrees(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90;
}
