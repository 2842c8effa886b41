import { gzipSync } from 'node:zlib';
import { type Answer, answerOf } from './answer.js';
import { PICTURE } from './images.js';

type Slip = [name: string, status: number, slug: string, send: () => Promise<Answer>];

const BAD = 'invalid-request';

/** What people send by mistake, and what must come back. @param id of `PICTURE`, embedded. */
export function slips(url: string, id: string): Slip[] {
  const json = async (path: string, value: object, headers = {}) =>
    answerOf(
      await fetch(url + path, {
        method: 'POST',
        body: JSON.stringify(value),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    );
  const click = (fields: object) => json('/decode', { embedding_id: id, ...fields });
  const map = (fields: object) => click({ box: [9, 9, 99, 99], format: 'geojson', ...fields });
  const everything = (fields: object) => json('/everything', { embedding_id: id, ...fields });
  const image = async (body: Uint8Array, encoding: string) =>
    answerOf(
      await fetch(`${url}/embed`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'image/png', 'content-encoding': encoding },
      }),
    );
  const form = async (name: string, value: string | Blob) => {
    const data = new FormData();
    data.set('image', new Blob([PICTURE]), 'image');
    data.set(name, value);
    return answerOf(await fetch(`${url}/segment`, { method: 'POST', body: data }));
  };
  const packed = gzipSync(PICTURE);
  const nothing = { size: [300, 400], counts: [300 * 400] };
  return [
    [
      'a data URI that holds no PNG',
      422,
      'prompt-invalid',
      () => click({ mask_input: { png: 'data:image/png;base64,AAAA' } }),
    ],
    ['a mask with nothing inside', 422, 'prompt-invalid', () => click({ mask_input: nothing })],
    [
      'a mask of another size',
      422,
      'prompt-invalid',
      () => click({ mask_input: { ...nothing, size: [400, 300] } }),
    ],
    ['north below south', 400, BAD, () => map({ bounds: [10, 51, 11, 50] })],
    ['bounds without width', 400, BAD, () => map({ bounds: [10, 50, 10, 51] })],
    ['a singular transform', 400, BAD, () => map({ transform: [0, 0, 0, 0, 0, 0] })],
    [
      "a transform in GDAL's order",
      400,
      BAD,
      () => map({ transform: [440_720, 60, 0, 3_751_320, 0, -60] }),
    ],
    ['a huge transform', 400, BAD, () => map({ transform: [1e307, 0, 0, 0, 1, 0] })],
    ['gzip that is none', 400, 'malformed-request', () => image(PICTURE, 'gzip')],
    ['gzip cut off', 400, 'malformed-request', () => image(packed.subarray(0, -9), 'gzip')],
    [
      'gzip of too much',
      413,
      'payload-too-large',
      () => image(gzipSync(Buffer.alloc(2 ** 24)), 'gzip'),
    ],
    ['another encoding', 415, 'unsupported-media-type', () => image(PICTURE, 'zstd')],
    ['a field of a form that is not JSON', 400, BAD, () => form('box', '40,40,200,200')],
    [
      'a file by another name',
      400,
      BAD,
      () => form('photo', new Blob([PICTURE], { type: 'image/png' })),
    ],
    ['a box of boxes', 400, BAD, () => click({ box: [[1, 2, 3, 4]] })],
    [
      'on_error of a file',
      400,
      BAD,
      () =>
        json(
          '/decode',
          { embedding_id: id, box: [9, 9, 99, 99], on_error: 'result' },
          { accept: 'image/png' },
        ),
    ],
    [
      'a box beside the image, clipped',
      422,
      'prompt-invalid',
      () => click({ box: [400, 0, 500, 100], clip: true }),
    ],
    ['grids in pixels', 400, BAD, () => everything({ point_grids: [[[80, 60]]] })],
    [
      'grids beside points_per_side',
      400,
      BAD,
      () => everything({ point_grids: [[[0.5, 0.5]]], points_per_side: 4 }),
    ],
    [
      'two least areas',
      400,
      BAD,
      () => click({ box: [9, 9, 99, 99], min_area: 5, min_mask_region_area: 6 }),
    ],
    [
      'coco lines',
      406,
      'not-acceptable',
      () =>
        json(
          '/everything',
          { embedding_id: id, format: 'coco', points_per_side: 1 },
          { accept: 'application/x-ndjson' },
        ),
    ],
    [
      'JSON for /segment with no base64',
      400,
      BAD,
      () => json('/segment', { image: { base64: '%%%' }, box: [9, 9, 99, 99] }),
    ],
  ];
}
