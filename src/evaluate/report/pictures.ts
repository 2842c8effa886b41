import { readFile } from 'node:fs/promises';
import type { ImageSize } from '../../core/image.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import type { Box } from '../../core/prompt.js';
import { decodeImage } from '../../image/decode.js';
import { excerpt } from '../../image/pictures/excerpt.js';
import { type LabelledObject, MOST_PIXELS } from '../../labels/labelled-object.js';
import { extentOf } from '../../masks/extent.js';
import { decompress } from '../../masks/formats/rle.js';
import { tracePolygons } from '../../masks/outlines/polygons.js';
import { CLICKS, type Pictured } from '../measured.js';
import { picturedIou, type ShownObject } from '../worst.js';
import { escaped } from './escaped.js';

/** Of a picture, in pixels, and of what is around the object, in its sides. */
const SIDE = 320;
const MARGIN = 0.25;
const LEAST = 64;

/**
 * An object with its label, a mask and the clicks or the box that it was asked for with, as a figure of HTML: the part of
 * the photograph around label and mask, and on it an SVG in the photograph's pixels.
 */
export async function objectFigure(
  label: LabelledObject,
  { object, masks }: ShownObject,
  protocol: Pictured,
): Promise<string> {
  const own = label.mask();
  const found = decompress(masks[protocol] ?? '');
  const view = viewOf(label, extentOf(found, label.height).bbox);
  const [x1, y1, x2, y2] = view;
  const photograph = await decodeImage(await readFile(label.image), { maxPixels: MOST_PIXELS });
  const jpeg = await excerpt(photograph, view, 2 * SIDE);
  const pixel = Math.max(x2 - x1, y2 - y1) / SIDE;
  const href = `data:image/jpeg;base64,${jpeg.toString('base64')}`;
  const words = [`IoU ${(100 * picturedIou(object, protocol)).toFixed(1)} %`, object.category];
  const title = [object.id, object.image].join(' · ');
  return `<figure><svg viewBox="${x1} ${y1} ${x2 - x1} ${y2 - y1}" role="img" aria-label="${escaped(title)}">
<image href="${href}" x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}" preserveAspectRatio="none"/>
<path class="mask" d="${outline(found, label)}"/><path class="label" d="${outline(own, label)}"/>
${marks(object, protocol, pixel)}</svg><figcaption><b>${escaped(words.filter(Boolean).join(', '))}</b><br>${escaped(title)}</figcaption></figure>`;
}

/** Label and mask with some room around them, in whole pixels of the image. */
function viewOf(
  { box, width, height }: LabelledObject,
  [x, y, w, h]: readonly [number, number, number, number],
): Box {
  const isEmpty = w === 0;
  const [left, right] = isEmpty ? [box[0], box[2]] : [Math.min(box[0], x), Math.max(box[2], x + w)];
  const [top, bottom] = isEmpty ? [box[1], box[3]] : [Math.min(box[1], y), Math.max(box[3], y + h)];
  const room = (from: number, to: number) =>
    Math.max(MARGIN * (to - from), (LEAST - (to - from)) / 2);
  return [
    Math.max(0, Math.floor(left - room(left, right))),
    Math.max(0, Math.floor(top - room(top, bottom))),
    Math.min(width, Math.ceil(right + room(left, right))),
    Math.min(height, Math.ceil(bottom + room(top, bottom))),
  ];
}

function outline(counts: RunLengths, image: ImageSize): string {
  const rings = counts.length > 1 ? tracePolygons(counts, image).flat() : [];
  return rings.map((ring) => `M${ring.join(' ')}Z`).join('');
}

/** What was asked. @param pixel of the picture, in pixels of the image. */
function marks(object: ShownObject['object'], protocol: Pictured, pixel: number): string {
  if (protocol === 'box') {
    const [x1, y1, x2, y2] = object.box.prompt;
    return `<path class="box" d="M${x1} ${y1}H${x2}V${y2}H${x1}Z"/>`;
  }
  const { clicks } = protocol === 'clicks_with_logits' ? object.clicks_with_logits : object.clicks;
  const shown = clicks.slice(
    0,
    protocol === 'point' || protocol === 'oracle' ? 1 : Math.max(...CLICKS),
  );
  return shown
    .map(([x, y, label]) => {
      const kind = label === 1 ? 'inside' : 'outside';
      return `<circle class="${kind}" cx="${x + 0.5}" cy="${y + 0.5}" r="${(4 * pixel).toFixed(2)}"/>`;
    })
    .join('');
}
