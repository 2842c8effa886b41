import type { ImageSize } from '../../core/image.js';
import type { Polygon, Ring } from '../../core/mask.js';

/** Polygons as an SVG document of the image's size, one path with its holes cut out. */
export function toSvg(polygons: readonly Polygon[], image: ImageSize): string {
  return svgDocument(`<path fill-rule="evenodd" d="${pathData(polygons)}"/>`, image);
}

/** An SVG document of the image's size. @param content its elements */
export function svgDocument(content: string, { width, height }: ImageSize): string {
  const frame = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${frame}>${content}</svg>`;
}

/** The `d` of a path whose `fill-rule` is `evenodd`. */
export function pathData(polygons: readonly Polygon[]): string {
  return polygons.flat().map(subpath).join('');
}

function subpath(ring: Ring): string {
  let text = '';
  for (let i = 0; i < ring.length; i += 2) text += `${i ? 'L' : 'M'}${ring[i]} ${ring[i + 1]}`;
  return `${text}Z`;
}
