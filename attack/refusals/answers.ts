import { PICTURE } from '../images.js';
import type { Refusal } from './refusal.js';
import { form, type Sender } from './sender.js';

const BAD = [400, 'invalid-request'] as const;
const UNACCEPTABLE = [406, 'not-acceptable'] as const;
const BOX = { box: [9, 9, 99, 99] };

/** Good prompts, of which an answer is wanted that there is not. */
export function answers(sender: Sender): Refusal[] {
  const map = (fields: object) => sender.decode({ ...BOX, format: 'geojson', ...fields });
  const segment = (fields: Record<string, unknown>, accept: string) =>
    sender.post('/segment', form([['image', PICTURE]], fields), undefined, { accept });
  const everything = (fields: object, headers = {}) =>
    sender.post('/everything', { embedding_id: sender.id, ...fields }, undefined, headers);
  const lines = { accept: 'application/x-ndjson' };
  const png = { accept: 'image/png' };
  return [
    ['an unknown format', ...BAD, () => sender.decode({ ...BOX, format: 'bmp' })],
    ['masks as a page', ...UNACCEPTABLE, () => segment(BOX, 'text/html')],
    ['one picture of two masks', ...BAD, () => segment({ prompts: [BOX, BOX] }, 'image/png')],
    ['on_error of a file', ...BAD, () => sender.decode({ ...BOX, on_error: 'result' }, png)],
    [
      'two least areas',
      ...BAD,
      () => sender.decode({ ...BOX, min_area: 5, min_mask_region_area: 6 }),
    ],
    ['north below south', ...BAD, () => map({ bounds: [10, 51, 11, 50] })],
    ['bounds without width', ...BAD, () => map({ bounds: [10, 50, 10, 51] })],
    ['a singular transform', ...BAD, () => map({ transform: [0, 0, 0, 0, 0, 0] })],
    [
      "a transform in GDAL's order",
      ...BAD,
      () => map({ transform: [440_720, 60, 0, 3_751_320, 0, -60] }),
    ],
    ['a huge transform', ...BAD, () => map({ transform: [1e307, 0, 0, 0, 1, 0] })],
    ['grids in pixels', ...BAD, () => everything({ point_grids: [[[80, 60]]] })],
    [
      'grids beside points_per_side',
      ...BAD,
      () => everything({ point_grids: [[[0.5, 0.5]]], points_per_side: 4 }),
    ],
    [
      "adaptive grids of one's own",
      ...BAD,
      () => everything({ strategy: 'adaptive', point_grids: [[[0.5, 0.5]]] }),
    ],
    ['adaptive boxes', ...BAD, () => everything({ strategy: 'adaptive', proposals: 'objectness' })],
    ['an unknown strategy', ...BAD, () => everything({ strategy: 'greedy' })],
    [
      'coco in lines',
      ...UNACCEPTABLE,
      () => everything({ format: 'coco', points_per_side: 1 }, lines),
    ],
  ];
}
