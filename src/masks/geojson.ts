import type { ImageSize } from '../core/image.js';
import type { FeatureCollection, Georeference, Polygon, Ring } from '../core/mask.js';
import { signedArea } from './polygons.js';

type Position = readonly [x: number, y: number];
type Properties = FeatureCollection['features'][number]['properties'];

/**
 * A mask as GeoJSON (RFC 7946): one feature with a Polygon or MultiPolygon, or none where the mask is empty.
 * @param polygons in pixels. @param georeference where the image lies; without one, coordinates are pixels.
 */
export function toGeoJson(
  polygons: readonly Polygon[],
  image: ImageSize,
  georeference: Georeference,
  properties: Properties,
): FeatureCollection {
  const place = placement(image, georeference);
  const coordinates = polygons.map((rings) =>
    rings.map((ring, i) => {
      const placed = ring.flatMap((_, at) =>
        at % 2 ? [] : place(ring[at] as number, ring[at + 1] as number),
      );
      return closed(placed, i === 0);
    }),
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

/** From pixels to the client's coordinates. */
function placement({ width, height }: ImageSize, { transform, bounds }: Georeference) {
  if (bounds) {
    const [west, south, east, north] = bounds;
    return (x: number, y: number): Position => [
      west + (x / width) * (east - west),
      north + (y / height) * (south - north),
    ];
  }
  const [a, b, c, d, e, f] = transform ?? [1, 0, 0, 0, 1, 0];
  return (x: number, y: number): Position => [a * x + b * y + c, d * x + e * y + f];
}

/** A ring as RFC 7946 has it: its first position repeated, outer rings counterclockwise, holes clockwise. */
function closed(ring: Ring, outer: boolean): Position[] {
  const positions = Array.from(
    { length: ring.length / 2 },
    (_, i): Position => [ring[2 * i] as number, ring[2 * i + 1] as number],
  );
  // With y up a positive area is counterclockwise.
  const ordered = signedArea(ring) > 0 === outer ? positions : positions.reverse();
  return [...ordered, ordered[0] as Position];
}
