import sharp from 'sharp';
import t from 'tap';
import { decompress, toImage } from '#src/masks/formats/rle.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

interface Mask {
  readonly segmentation: Record<string, unknown> & {
    readonly counts: string;
    readonly png: string;
  };
  readonly predicted_iou: number;
  readonly area: number;
  readonly bbox: readonly number[];
}
interface Answer {
  readonly embedding_id: string;
  readonly results: readonly { readonly masks: readonly Mask[] }[];
}

/** The parts of a multipart body, with their headers. */
function partsOf(body: Buffer, boundary: string) {
  const text = body.toString('latin1');
  const parts = text.split(`\r\n--${boundary}`).slice(1, -1);
  return parts.map((part) => {
    const end = part.indexOf('\r\n\r\n');
    const lines = part
      .slice(2, end)
      .split('\r\n')
      .map((line) => line.split(': '));
    return {
      headers: Object.fromEntries(lines) as Record<string, string>,
      content: Buffer.from(part.slice(end + 4), 'latin1'),
    };
  });
}

t.test('masks in every form', async (t) => {
  const picture = scene(1);
  const { width, height } = picture;
  const { post } = await startService(t, { SAM_MAX_IMAGE_PIXELS: String(width * height) });
  const photograph = await draw(picture);
  const [disc, triangle] = picture.shapes.map(({ box }) => box);
  const point = { point_coords: [picture.shapes[0]?.point], point_labels: [1] };
  const embedded = (await (await post('/embed', form(photograph))).json()) as Answer;
  const { embedding_id } = embedded;
  const decode = async (fields: Record<string, unknown>, accept = 'application/json') =>
    post('/decode', { embedding_id, ...fields }, { accept });
  const masksOf = async (response: Response | Promise<Response>) => {
    const { results } = (await (await response).json()) as Answer;
    return results.map(({ masks }) => masks);
  };
  const [[plain]] = (await masksOf(decode({ box: disc }))) as [[Mask]];
  const pixels = toImage(decompress(plain.segmentation.counts), { width, height });

  t.test('JSON', async (t) => {
    for (const [format, fields] of Object.entries({
      rle: ['counts', 'size'],
      rle_counts: ['counts', 'size'],
      png: ['png', 'size'],
      polygon: ['polygons', 'size'],
      geojson: ['geojson', 'size'],
      svg: ['size', 'svg'],
      labelstudio_rle: ['format', 'rle', 'size'],
      coco_polygon: ['polygons', 'size'],
      cvat_rle: ['points', 'size', 'type'],
      yolo: ['size', 'yolo'],
      labelme: ['shapes', 'size'],
      logits: ['data', 'dtype'],
    })) {
      const [[mask]] = (await masksOf(decode({ box: disc, format }))) as [[Mask]];
      t.same(Object.keys(mask.segmentation).sort(), fields, format);
      t.equal(mask.area, plain.area);
      t.same(mask.bbox, plain.bbox);
    }
  });

  t.test('the best mask as a file', async (t) => {
    for (const [type, first] of [
      ['image/png', '\x89PNG'],
      ['image/svg+xml', '<svg'],
      ['text/plain', '0 0.'],
      ['application/octet-stream', ''],
    ] as const) {
      const response = await decode(point, type);
      t.equal(response.headers.get('content-type'), type);
      t.equal(response.headers.get('vary'), 'accept');
      t.equal(response.headers.get('x-embedding-id'), embedding_id);
      const body = Buffer.from(await response.arrayBuffer());
      t.ok(body.toString('latin1').startsWith(first), type);
      if (type === 'application/octet-stream') t.equal(body.length, 256 * 256 * 4);
    }
    const file = Buffer.from(await (await decode({ box: disc }, 'image/png')).arrayBuffer());
    t.ok(pixels.length && (await sharp(file).toColourspace('b-w').raw().toBuffer()).equals(pixels));
  });

  t.test('GeoJSON holds all masks', async (t) => {
    const response = await decode({ prompts: [{ box: disc }, point] }, 'application/geo+json');
    t.equal(response.headers.get('content-type'), 'application/geo+json');
    const { type, features } = (await response.json()) as {
      type: string;
      features: { properties: Record<string, unknown> }[];
    };
    t.equal(type, 'FeatureCollection');
    t.same(
      features.map(({ properties }) => properties['prompt']),
      [0, 1, 1, 1],
    );
    t.same(features[0]?.properties, {
      prompt: 0,
      predicted_iou: plain.predicted_iou,
      stability_score: features[0]?.properties['stability_score'],
      bbox: plain.bbox,
      area: plain.area,
    });
  });

  t.test('many masks as parts', async (t) => {
    for (const [format, type] of [
      [undefined, 'image/png'],
      ['svg', 'image/svg+xml'],
      ['rle', 'application/json'],
    ] as const) {
      const fields = { prompts: [{ box: disc }, point], ...(format && { format }) };
      const response = await decode(fields, 'multipart/mixed');
      const [, boundary = ''] =
        /boundary=(.*)$/.exec(response.headers.get('content-type') ?? '') ?? [];
      const parts = partsOf(Buffer.from(await response.arrayBuffer()), boundary);
      t.same(
        parts.map(({ headers }) => headers['content-disposition']),
        ['0/0', '1/0', '1/1', '1/2'].map((name) => `inline; name="${name}"`),
      );
      t.ok(parts.every(({ headers }) => headers['content-type'] === type));
      t.equal(Number(parts[0]?.headers['x-area']), plain.area);
      if (format !== undefined) continue;
      const [first] = parts;
      const read = await sharp(first?.content).toColourspace('b-w').raw().toBuffer();
      t.ok(read.equals(pixels));
    }
  });

  t.test('the object cut out', async (t) => {
    const original = await sharp(photograph).raw().toBuffer();
    const fields = { box: disc, format: 'cutout' };
    const [[mask]] = (await masksOf(post('/segment', form(photograph, fields)))) as [[Mask]];
    const response = await post('/segment', form(photograph, fields), { accept: 'image/png' });
    const file = Buffer.from(await response.arrayBuffer());
    t.equal(mask.segmentation.png, file.toString('base64'));
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    t.match(info, { width, height, channels: 4 });
    const wrong = pixels.findIndex((inside, i) => {
      if (data[4 * i + 3] !== inside) return true;
      return inside > 0 && original.compare(data, 4 * i, 4 * i + 3, 3 * i, 3 * i + 3) !== 0;
    });
    t.equal(wrong, -1, 'opaque where the mask is, and the photograph there');
    const [three] = await masksOf(
      post('/segment', form(photograph, { ...point, format: 'cutout' })),
    );
    t.equal(three?.length, 3);
  });

  t.test('small regions go when asked', async (t) => {
    const [[all]] = (await masksOf(decode({ box: triangle }))) as [[Mask]];
    const [[cleaned]] = (await masksOf(decode({ box: triangle, min_area: 500 }))) as [[Mask]];
    t.ok(Math.abs(all.area - cleaned.area) < 500, `${all.area} and ${cleaned.area}`);
    const { polygons } = (
      await masksOf(decode({ box: triangle, min_area: 500, format: 'polygon' }))
    )
      .flat()
      .map(({ segmentation }) => segmentation as unknown as { polygons: unknown[][] })[0] ?? {
      polygons: [],
    };
    t.equal(polygons.length, 1, 'one island');
    t.equal(polygons[0]?.length, 1, 'without holes');
  });

  t.test('what does not go together', async (t) => {
    const box = { box: disc };
    const refused: [
      fields: Record<string, unknown>,
      accept: string,
      status: number,
      slug: string,
    ][] = [
      [{ ...box, format: 'cutout' }, 'application/json', 400, 'invalid-request'],
      [{ ...box, format: 'svg' }, 'image/png', 406, 'not-acceptable'],
      [{ ...box, format: 'rle' }, 'image/png', 406, 'not-acceptable'],
      [box, 'text/html', 406, 'not-acceptable'],
      [{ prompts: [box, box] }, 'image/png', 400, 'invalid-request'],
      [{ ...box, simplify: 1 }, 'application/json', 400, 'invalid-request'],
      [{ ...box, simplify: -1, format: 'svg' }, 'application/json', 400, 'invalid-request'],
      [{ ...box, bounds: [0, 0, 1, 1], format: 'svg' }, 'application/json', 400, 'invalid-request'],
      [
        { ...box, bounds: [0, 0, 1, 1], transform: [1, 0, 0, 0, 1, 0], format: 'geojson' },
        'application/json',
        400,
        'invalid-request',
      ],
      [{ ...box, min_area: 1.5 }, 'application/json', 400, 'invalid-request'],
    ];
    for (const [fields, accept, status, slug] of refused) {
      await problem(t, await decode(fields, accept), status, slug);
    }
    const many = { prompts: Array(64).fill(point), format: 'cutout' };
    await problem(t, await post('/segment', form(photograph, many)), 413, 'too-many-prompts');
  });
});
