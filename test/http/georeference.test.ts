import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));

t.test('an image is placed where its corners have numbers', async (t) => {
  const { post } = await startService(t);
  const { embedding_id } = (await (await post('/embed', form(picture))).json()) as {
    embedding_id: string;
  };
  const click = { box: [9, 9, 99, 99], format: 'geojson' };
  const few = { points_per_side: 1, format: 'geojson' };

  const wrong: [fields: Record<string, number[]>, path: string][] = [
    [{ transform: [1e307, 0, 0, 0, 1, 0] }, '/transform/0'],
    [{ transform: [1, 0, 1.7e308, 0, 1, 0] }, '/transform/2'],
    [{ transform: [1, 0, 0, 0, -1.01e100, 0] }, '/transform/4'],
    [{ bounds: [-1.7e308, 0, 1.7e308, 1] }, '/bounds/0'],
    [{ bounds: [0, 0, 1, 1e200] }, '/bounds/3'],
  ];
  for (const [fields, path] of wrong) {
    for (const answer of [
      await post('/decode', { embedding_id, ...click, ...fields }),
      await post('/everything', { embedding_id, ...few, ...fields }),
      await post('/segment', form(picture, { ...click, ...fields })),
      await post('/everything', form(picture, { ...few, ...fields })),
    ]) {
      const { errors, detail } = await problem(t, answer, 400, 'invalid-request');
      t.match(errors, [{ path, message: /^must be [<>]= -?1e\+100$/ }], String(detail));
    }
  }

  const far: Record<string, number[]>[] = [
    { transform: [1e100, 1e100, 1e100, 1e100, -1e100, 1e100] },
    { bounds: [-1e100, -1e100, 1e100, 1e100] },
  ];
  for (const fields of far) {
    const answer = await post('/decode', { embedding_id, ...click, ...fields });
    const text = await answer.text();
    t.equal(answer.status, 200, text);
    t.notMatch(text, /null|NaN|Infinity/);
    const [mask] = JSON.parse(text).results[0].masks;
    const { geometry } = mask.segmentation.geojson.features[0];
    const [ring] = geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates[0];
    t.ok(area(ring) > 0, 'outer rings are counterclockwise there, too');
  }
});

/** Of a ring, twice, in units of 1e200. */
function area(ring: [number, number][]): number {
  return ring.reduce((sum, [x, y], i) => {
    const [u, v] = ring[(i + 1) % ring.length] as [number, number];
    return sum + (x / 1e100) * (v / 1e100) - (u / 1e100) * (y / 1e100);
  }, 0);
}
