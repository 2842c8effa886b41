import t from 'tap';
import { MULTIPART, multipart, part } from '../fixtures/multipart.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const box = [40, 40, 200, 200];
const type = { 'content-type': MULTIPART };

t.test('forms', async (t) => {
  const { post } = await sharedService(t);

  t.test('a field may be a Blob of JSON, whatever its type', async (t) => {
    for (const type of ['application/json', 'text/plain', '']) {
      const data = form(picture);
      data.set('prompts', new Blob([JSON.stringify([{ box }])], { type }));
      data.set('multimask_output', new Blob(['true'], { type }), 'flag.json');
      const response = await post('/segment', data);
      const answer = (await response.json()) as { results: { masks: unknown[] }[] };
      t.equal(
        answer.results?.[0]?.masks.length,
        3,
        `${type}: ${JSON.stringify(answer).slice(0, 300)}`,
      );
    }
  });

  t.test('a field of everything mode may be one too', async (t) => {
    const data = form(picture);
    data.set('points_per_side', new Blob(['2'], { type: 'application/json' }));
    t.equal((await post('/everything', data)).status, 200);
  });

  t.test('the image needs no name, and no type', async (t) => {
    for (const head of [
      'name="image"\r\nContent-Type: image/png',
      'name="image"\r\nContent-Type: application/octet-stream',
      'name="image"',
      'name="image"; filename=""',
      'name="image"; filename="blob"\r\nContent-Type: text/plain',
    ]) {
      const response = await post('/embed', multipart(part(head, picture)), type);
      t.match(response.status, /^20[01]$/, `${head}: ${await response.text()}`);
    }
  });

  t.test('the name of a file is not the file', async (t) => {
    const response = await post('/embed', multipart(part('name="image"', 'photo.jpg')), type);
    const { errors } = await problem(t, response, 400, 'invalid-request');
    t.match(errors, [{ path: '/image', message: /not text \(curl: -F image=@photo.jpg\)/ }]);
  });

  t.test('a file that is no field is refused', async (t) => {
    for (const type of ['image/png', 'application/json']) {
      const data = form(picture, { box });
      data.set('photo', new Blob([picture], { type }));
      const { errors } = await problem(t, await post('/segment', data), 400, 'invalid-request');
      t.match(errors, [{ path: '/photo', message: 'is not a known file: name it image' }]);
    }
  });

  t.test('fields are JSON text', async (t) => {
    const data = form(picture);
    data.set('box', '40,40,200,200');
    const { errors } = await problem(t, await post('/segment', data), 400, 'invalid-request');
    t.match(errors, [
      {
        path: '/box',
        message:
          'must be [x1, y1, x2, y2] in pixels: two corners, not width and height; the fields of a form are JSON text, ' +
          'and this is none: line 1, column 3: expected the end, found ,',
      },
    ]);
  });

  t.test('null is as good as absent', async (t) => {
    const data = form(picture, { box, point_coords: null, point_labels: null, format: null });
    const segmented = await post('/segment', data);
    const { embedding_id } = (await segmented.json()) as { embedding_id: string };
    t.equal(segmented.status, 200);
    const fields = { format: null, min_area: null, return_logits: null, transform: null };
    for (const asked of [
      { box, prompts: null, point_coords: null, point_labels: null, mask_input: null },
      { prompts: [{ box, point_coords: null, multimask_output: null }], box: null },
    ]) {
      const response = await post('/decode', { embedding_id, ...asked, ...fields });
      t.equal(response.status, 200, await response.text());
    }
    const everything = { embedding_id, points_per_side: 2, points_per_batch: null, format: null };
    t.equal((await post('/everything', everything)).status, 200);
    const image = { base64: Buffer.from(picture).toString('base64'), url: null };
    t.equal((await post('/embed', { image })).status, 200);
    for (const missing of [null, undefined]) {
      const response = await post('/decode', { embedding_id: missing, box });
      const { errors } = await problem(t, response, 400, 'invalid-request');
      t.match(errors, [{ path: '/embedding_id', message: /^is missing: it must be text/ }]);
    }
  });

  t.test('messages say the shape', async (t) => {
    const embedding_id = `mobile_sam:${'0'.repeat(64)}`;
    const point_labels = [1];
    const cases: [fields: object, path: string, message: RegExp][] = [
      [{ box: [[1, 2, 3, 4]] }, '/box', /\[\[…\]\] is one level too many$/],
      [
        {
          box: [
            [1, 2],
            [3, 4],
          ],
        },
        '/box',
        /\[x1, y1, x2, y2\].*not width and height/,
      ],
      [{ box: { x: 1, y: 2, width: 3, height: 4 } }, '/box', /\[x1, y1, x2, y2\]/],
      [{ box: '[1,2,3,4]' }, '/box', /leave out the quotes/],
      [{ box: [1, 2, 3] }, '/box', /two corners/],
      [{ box: [1, 2, 3, '4'] }, '/box/3', /two corners/],
      [{ prompts: [{ box: [[1, 2, 3, 4]] }] }, '/prompts/0/box', /one level too many$/],
      [{ prompts: { box: [1, 2, 3, 4] } }, '/prompts', /a list of prompts/],
      [{ point_coords: [1, 2], point_labels }, '/point_coords/0', /\[…\] is one level too few$/],
      [{ point_coords: [[[1, 2]]], point_labels }, '/point_coords/0', /one level too many$/],
      [{ point_coords: [[1, 2]], point_labels: [[1]] }, '/point_labels/0', /one level too many$/],
      [
        { point_coords: [[1, 2]], point_labels: 1 },
        '/point_labels',
        /a list of 1 .* such as \[1, 0\]$/,
      ],
      [{ point_coords: [[1, 2]], point_labels: [2] }, '/point_labels/0', /1 \(object\) and 0/],
      [{ point_coords: [[1, 2]], point_labels: [true] }, '/point_labels/0', /1 \(object\) and 0/],
      [{ mask_input: 'AAAA' }, '/mask_input', /an object: \{"token"\}/],
      [{ box: [1, 2, 3, 4], multimask_output: 1 }, '/multimask_output', /true or false/],
      [{ bbox: [1, 2, 3, 4] }, '/bbox', /did you mean box\?/],
      [{ pointCoords: [[1, 2]] }, '/pointCoords', /did you mean point_coords\?/],
      [{ box: [1, 2, 3, 4], point_grids: [] }, '/point_grids', /one of \/everything/],
    ];
    for (const [fields, path, message] of cases) {
      const response = await post('/decode', { embedding_id, ...fields });
      const { errors } = await problem(t, response, 400, 'invalid-request');
      t.match(errors, [{ path, message }], JSON.stringify(errors));
    }
    const headers = { 'content-type': 'application/json' };
    const { detail } = await problem(
      t,
      await post('/decode', '{"box": [1, 2,]}', headers),
      400,
      'malformed-request',
    );
    t.equal(detail, 'the body is not JSON: line 1, column 15: expected a value, found ]');
  });
});
