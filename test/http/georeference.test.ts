import t from 'tap';
import { readGeoreference } from '#src/http/bodies/prompts/georeference.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

const picture = await draw(scene(1));

t.test('an image is placed where its corners have numbers', async (t) => {
  const { post } = await sharedService(t);
  const { embedding_id } = (await (await post('/embed', form(picture))).json()) as {
    embedding_id: string;
  };
  const click = { box: [9, 9, 99, 99], format: 'geojson' };
  const few = { points_per_side: 1, format: 'geojson' };

  const wrong: [fields: Record<string, number[]>, path: string, message: RegExp][] = [
    [{ transform: [1e307, 0, 0, 0, 1, 0] }, '/transform/0', /^must be <= 1000000000000$/],
    [{ bounds: [-1.7e308, 0, 1.7e308, 1] }, '/bounds/0', /^must be >= -1000000000000$/],
    [{ transform: [0, 0, 0, 0, 0, 0] }, '/transform', /singular.*GDAL's order/],
    [{ bounds: [1, 3, 2, 2] }, '/bounds', /upside down.*send \[west, south, east, north\]/],
  ];
  for (const [fields, path, message] of wrong) {
    for (const answer of [
      await post('/decode', { embedding_id, ...click, ...fields }),
      await post('/everything', { embedding_id, ...few, ...fields }),
      await post('/segment', form(picture, { ...click, ...fields })),
      await post('/everything', form(picture, { ...few, ...fields })),
    ]) {
      const { errors, detail } = await problem(t, answer, 400, 'invalid-request');
      t.match(errors, [{ path, message }], String(detail));
    }
  }

  const places: Record<string, number[]>[] = [
    { transform: [0.5, 0, 300_000, 0, -0.5, 5_000_000] },
    { transform: [0.5, 0, 300_000, 0, -0.5, 5_000_000, 0, 0, 1] },
    { bounds: [179.9, -17, -179.9, -16.9] },
  ];
  for (const fields of places) {
    const answer = await post('/decode', { embedding_id, ...click, ...fields });
    const text = await answer.text();
    t.equal(answer.status, 200, text);
    t.notMatch(text, /null|NaN|Infinity/);
  }
});

const refused: [what: string, transform: number[] | undefined, bounds: number[] | undefined][] = [
  ['no area', [0, 0, 0, 0, 0, 0], undefined],
  ['one direction', [1, 2, 0, 2, 4, 0], undefined],
  ['nearly one direction', [1, 2, 0, 2, 4 + 1e-9, 0], undefined],
  ["GDAL's order", [440_720, 60, 0, 3_751_320, 0, -60], undefined],
  ["GDAL's order, in degrees", [10.5, 0.1, 0, 51, 0, -0.1], undefined],
  ["GDAL's order at Greenwich", [0, 1, 0, 51, 0, -1], undefined],
  ["GDAL's order, turned", [440_720, 60, 0.1, 3_751_320, 0.1, -60], undefined],
  ['seven numbers', [1, 0, 0, 0, 1, 0, 0], undefined],
  ['another last row', [1, 0, 0, 0, 1, 0, 0, 0, 2], undefined],
  ['a last row of a vanishing point', [1, 0, 0, 0, 1, 0, 1e-3, 0, 1], undefined],
  ['pixels of nothing', [1e-200, 0, 0, 0, 1e-200, 0], undefined],
  ['pixels in one place', [1e-9, 0, 1e12, 0, 1e-9, 0], undefined],
  ['both', [1, 0, 0, 0, 1, 0], [0, 0, 1, 1]],
  ['north below south', undefined, [10, 51, 11, 50]],
  ["GDAL's order of edges", undefined, [10, 51, 11, 50]],
  ['no width', undefined, [10, 50, 10, 51]],
  ['no height', undefined, [10, 50, 11, 50]],
  ['no width at the antimeridian', undefined, [180, 50, -180, 51]],
  ['west and east swapped', undefined, [11, 50, 10, 51]],
  ['west and east swapped, in metres', undefined, [500_000, 0, 400_000, 10_000]],
  ['edges in nearly one place', undefined, [1e11, 0, 1e11 + 1, 1]],
];

t.test('what places no image', async (t) => {
  for (const [what, transform, bounds] of refused.slice(0, -8)) {
    const message = /rasterio's Affine; GDAL's order|must not stand/;
    t.throws(() => readGeoreference(transform, bounds), { code: 'invalid-request', message }, what);
  }
  for (const [what, transform, bounds] of refused.slice(-8)) {
    const message = /: send \[west, south, east, north\]; GDAL/;
    t.throws(() => readGeoreference(transform, bounds), { code: 'invalid-request', message }, what);
  }
});

t.test('what does', async (t) => {
  for (const transform of [
    [1, 0, 0, 0, 1, 0],
    [0.1, 0, 500_000, 0, -0.1, 5_000_000],
    [0, 1, 0, -1, 0, 0],
    [8.9e-6, 0, 179.1, 0, -8.9e-7, -89],
  ]) {
    t.same(readGeoreference(transform, undefined), { transform });
    t.same(readGeoreference([...transform, 0, 0, 1], undefined), { transform });
  }
  const bounds: [given: number[], read: number[]][] = [
    [
      [-180, -90, 180, 90],
      [-180, -90, 180, 90],
    ],
    [
      [177, -20, -178, -15],
      [177, -20, -178, -15],
    ],
    [
      [180, -20, -178, -15],
      [-180, -20, -178, -15],
    ],
    [
      [177, -20, -180, -15],
      [177, -20, 180, -15],
    ],
    [
      [300_000, 5_000_000, 300_100, 5_000_100],
      [300_000, 5_000_000, 300_100, 5_000_100],
    ],
  ];
  for (const [given, read] of bounds) {
    t.same(readGeoreference(undefined, given), { bounds: read });
  }
  t.same(readGeoreference(undefined, undefined), {});
});
