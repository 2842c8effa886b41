import type { ImageSize } from '../../core/image.js';
import type { Polygon, Ring } from '../../core/mask.js';

/** Polygons as an SVG document of the image's size, one path with its holes cut out. */
export function toSvg(polygons: readonly Polygon[], { width, height }: ImageSize): string {
  const path = polygons.flat().map(subpath).join('');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<path fill-rule="evenodd" d="${path}"/></svg>`
  );
}

function subpath(ring: Ring): string {
  let text = '';
  for (let i = 0; i < ring.length; i += 2) text += `${i ? 'L' : 'M'}${ring[i]} ${ring[i + 1]}`;
  return `${text}Z`;
}
