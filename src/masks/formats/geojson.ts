import type { ImageSize } from '../../core/image.js';
import type { FeatureCollection, Georeference, Polygon, Ring } from '../../core/mask.js';

type Position = readonly [x: number, y: number];
type Properties = FeatureCollection['features'][number]['properties'];

/** Polygons in pixels, and the way from there to the client's coordinates. */
export interface Placed {
  readonly polygons: readonly Polygon[];
  readonly place: (x: number, y: number) => Position;
}

/**
 * A mask as GeoJSON (RFC 7946): one feature with a Polygon or MultiPolygon, or none where the mask is empty.
 * @param mirrored whether the client's coordinates turn the other way round than pixels do.
 */
export function toGeoJson(
  parts: readonly Placed[],
  mirrored: boolean,
  properties: Properties,
): FeatureCollection {
  const coordinates = parts.flatMap(({ polygons, place }) =>
    polygons.map((rings) => rings.map((ring) => closed(ring, place, mirrored))),
  );
  const [first] = coordinates;
  const geometry =
    coordinates.length > 1
      ? ({ type: 'MultiPolygon', coordinates } as const)
      : first
        ? ({ type: 'Polygon', coordinates: first } as const)
        : null;
  return { type: 'FeatureCollection', features: [{ type: 'Feature', geometry, properties }] };
}

/** From pixels to the client's coordinates; pixels themselves where the client has none. */
export function placement(
  { width, height }: ImageSize,
  { transform, bounds }: Georeference,
): Pick<Placed, 'place'> & { readonly mirrored: boolean } {
  if (bounds) {
    const [west, south, east, north] = bounds;
    const place = (x: number, y: number): Position => [
      along(west, east, x / width),
      along(north, south, y / height),
    ];
    return { place, mirrored: true };
  }
  const [a, b, c, d, e, f] = transform ?? [1, 0, 0, 0, 1, 0];
  const place = (x: number, y: number): Position => [a * x + b * y + c, d * x + e * y + f];
  return { place, mirrored: a * e - b * d < 0 };
}

/** The same on either side of the antimeridian, for bounds that lie across it. @param seam its column in pixels. */
export function placementOfHalves(
  { width, height }: ImageSize,
  [west, south, east, north]: NonNullable<Georeference['bounds']>,
  seam: number,
): [left: Placed['place'], right: Placed['place']] {
  const latitude = (y: number) => along(north, south, y / height);
  return [
    (x, y) => [along(west, 180, x / seam), latitude(y)],
    (x, y) => [along(-180, east, (x - seam) / (width - seam)), latitude(y)],
  ];
}

/** A place between two others: exactly the one where the share is 0, and the other where it is 1. */
function along(from: number, to: number, share: number): number {
  return from * (1 - share) + to * share;
}

/**
 * A ring as RFC 7946 has it: its first position repeated, outer rings counterclockwise, holes clockwise. In pixels, whose
 * y points down, outer rings are clockwise, which is counterclockwise where y points up.
 */
function closed(ring: Ring, place: Placed['place'], mirrored: boolean): Position[] {
  const positions = Array.from({ length: ring.length / 2 }, (_, i) =>
    place(ring[2 * i] as number, ring[2 * i + 1] as number),
  );
  if (mirrored) positions.reverse();
  return [...positions, positions[0] as Position];
}
