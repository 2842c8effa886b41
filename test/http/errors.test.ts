import t from 'tap';
import { ERROR_CODES } from '#src/core/errors.js';
import { PROBLEMS } from '#src/http/problems.js';
import { idOf, PICTURE } from '../../attack/images.js';
import { LIMITS } from '../../attack/refusals/limits.js';
import { refusals } from '../../attack/refusals/refusals.js';
import { form, problem, sharedService, startService } from '../fixtures/service.js';

const id = idOf(PICTURE);

t.test('every code has a status and a title', async (t) => {
  t.same(Object.keys(PROBLEMS).sort(), [...ERROR_CODES].sort());
});

t.test('a body that is not accepted is told what is', async (t) => {
  const { post } = await sharedService(t);
  const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
  for (const answer of [
    await post('/embed', heic, { 'content-type': 'image/jpeg' }),
    await post('/segment', form(heic, { box: [1, 2, 3, 4] })),
    await post('/everything', form(heic)),
  ]) {
    const { detail } = await problem(t, answer, 415, 'unsupported-media-type');
    t.match(detail, /^the image is a HEIC; JPEG, PNG, WebP and AVIF are accepted: convert it/);
  }
  const unknown = await post('/embed', Buffer.from('hello'), { 'content-type': 'image/png' });
  const { detail } = await problem(t, unknown, 415, 'unsupported-media-type');
  t.match(detail, /^the image is of no known kind; JPEG, PNG, WebP and AVIF are accepted/);
  const types = {
    '/embed':
      /send multipart\/form-data, application\/json, application\/octet-stream, image\/jpeg/,
    '/segment': /send .*multipart\/form-data/,
    '/decode': /send application\/json$/,
    '/everything': /send .*multipart\/form-data/,
  };
  for (const [path, sent] of Object.entries(types)) {
    const answer = await post(path, Buffer.from('x'), { 'content-type': 'text/csv' });
    const { detail } = await problem(t, answer, 415, 'unsupported-media-type');
    t.match(detail, /^the content-type is text\/csv, which this route does not accept: /);
    t.match(detail, sent, path);
  }
  const none = await post('/decode', Buffer.from('x'));
  t.match(await problem(t, none, 415, 'unsupported-media-type'), { detail: /^there is no/ });
});

t.test('bad requests', async (t) => {
  const { url, post } = await startService(t, LIMITS);
  t.equal((await post('/embed', form(PICTURE))).status, 201);

  for (const [name, status, code, send] of await refusals(url, id)) {
    await t.test(name, async (t) => {
      const body = await problem(t, await send(), status, code);
      t.notMatch(JSON.stringify(body), /node_modules|\.js|\/src\/|vips/, 'nothing of the inside');
    });
  }

  t.test('a wrong method says which are right', async (t) => {
    const response = await fetch(`${url}/embeddings/${id}`, { method: 'PATCH' });
    t.equal(response.headers.get('allow'), 'DELETE, GET, HEAD');
    await problem(t, response, 405, 'method-not-allowed');
  });
  t.test('violations point at what is wrong', async (t) => {
    const fields = {
      prompts: [
        { box: [0, 0, 9, 9] },
        {
          point_coords: [
            [1, 1],
            [500, 1],
          ],
          point_labels: [1, 0],
        },
      ],
    };
    const response = await post('/decode', { embedding_id: id, ...fields });
    const { errors } = await problem(t, response, 422, 'prompt-invalid');
    t.same(errors, [
      { path: '/prompts/1/point_coords/1', message: 'must lie in the image, 0..400 by 0..300' },
    ]);
  });
  t.test('edges belong to the image, and good requests still work', async (t) => {
    const prompts = [
      {
        point_coords: [
          [0, 0],
          [400, 300],
        ],
        point_labels: [1, 0],
      },
      { box: [0, 0, 400, 300] },
    ];
    const response = await post('/decode', { embedding_id: id, prompts });
    t.equal(response.status, 200, await response.text());
  });
});
