import { createHash } from 'node:crypto';
import t from 'tap';
import { ERROR_CODES } from '#src/core/errors.js';
import { PROBLEMS } from '#src/http/problems.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const id = `mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
const missing = `mobile_sam:${'0'.repeat(64)}`;

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
  const service = await startService(t, {
    SAM_MAX_IMAGE_BYTES: '1M',
    SAM_MAX_IMAGE_PIXELS: '1000000',
    SAM_MAX_PROMPTS: '3',
    SAM_MAX_POINTS: '4',
  });
  const { url, post } = service;
  const good = await post('/embed', form(picture));
  t.equal(good.status, 201);

  const send = (method: string, path: string, body?: string | Uint8Array, type?: string) =>
    fetch(url + path, {
      method,
      body: body ?? null,
      headers: type ? { 'content-type': type } : {},
    });
  const multipart = 'multipart/form-data; boundary=edge';
  const part = (name: string, rest = '') =>
    `--edge\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n`;
  const two = form(picture);
  two.append('image', new Blob([picture]), 'second');
  const misnamed = new FormData();
  misnamed.set('photo', new Blob([picture]), 'photo');
  const huge = await draw(scene(4));

  const cases: [name: string, status: number, slug: string, answer: () => Promise<Response>][] = [
    ['no body', 400, 'invalid-request', () => send('POST', '/embed')],
    [
      'an empty image',
      400,
      'invalid-request',
      () => send('POST', '/embed', new Uint8Array(0), 'image/png'),
    ],
    [
      'an empty JSON body',
      400,
      'malformed-request',
      () => send('POST', '/embed', '', 'application/json'),
    ],
    ['text', 415, 'unsupported-media-type', () => send('POST', '/embed', 'hello', 'text/plain')],
    [
      'a GIF called a PNG',
      415,
      'unsupported-media-type',
      () => send('POST', '/embed', 'GIF89a', 'image/png'),
    ],
    [
      'an image cut off',
      422,
      'image-unreadable',
      () => post('/embed', form(picture.subarray(0, 9000))),
    ],
    [
      'too many pixels',
      422,
      'image-too-large',
      () => post('/embed', form(huge.subarray(0, 2 ** 19))),
    ],
    [
      'too many bytes',
      413,
      'payload-too-large',
      () => post('/embed', form(new Uint8Array(2 ** 20 + 1))),
    ],
    [
      'too many raw bytes',
      413,
      'payload-too-large',
      () => send('POST', '/embed', new Uint8Array(2 ** 21), 'image/jpeg'),
    ],
    ['bad base64', 400, 'invalid-request', () => post('/embed', { image: { base64: '%%%' } })],
    [
      'an unknown field in JSON',
      400,
      'invalid-request',
      () => post('/embed', { image: { base64: 'AAAA' }, x: 1 }),
    ],
    [
      'an unknown field in a form',
      400,
      'invalid-request',
      () => post('/embed', form(picture, { x: 1 })),
    ],
    ['two files', 400, 'invalid-request', () => post('/embed', two)],
    ['a file of another name', 400, 'invalid-request', () => post('/embed', misnamed)],
    [
      'an empty form',
      400,
      'invalid-request',
      () => send('POST', '/embed', '--edge--\r\n', multipart),
    ],
    [
      'a form without a boundary',
      400,
      'malformed-request',
      () => send('POST', '/embed', 'x', 'multipart/form-data'),
    ],
    [
      'a form cut off',
      400,
      'malformed-request',
      () => send('POST', '/embed', `${part('image', '; filename="a"')}abc`, multipart),
    ],
    [
      'an image that is no file',
      400,
      'invalid-request',
      () => send('POST', '/embed', `${part('image')}abc\r\n--edge--\r\n`, multipart),
    ],
    ['an unknown parameter', 400, 'invalid-request', () => send('GET', '/models?x=1')],
    ['a wrong method', 405, 'method-not-allowed', () => send('PUT', '/embed', 'x', 'image/png')],
    ['an unknown path', 404, 'not-found', () => send('GET', '/nowhere')],
    ['a malformed id in a path', 400, 'invalid-request', () => send('GET', '/embeddings/nonsense')],
    [
      'an upper-case id',
      400,
      'invalid-request',
      () => send('GET', `/embeddings/${id.toUpperCase()}`),
    ],
    [
      'an unknown id in a path',
      404,
      'embedding-not-found',
      () => send('DELETE', `/embeddings/${missing}`),
    ],
    [
      'another model',
      409,
      'embedding-mismatch',
      () => send('GET', `/embeddings/other${id.slice(10)}`),
    ],
    [
      'JSON that is none',
      400,
      'malformed-request',
      () => send('POST', '/decode', '{', 'application/json'),
    ],
    [
      'prototype keys',
      400,
      'malformed-request',
      () => send('POST', '/decode', '{"__proto__":{"x":1}}', 'application/json'),
    ],
    ['a form for decode', 415, 'unsupported-media-type', () => post('/decode', form(picture))],
    [
      'JSON for segment without an image',
      400,
      'invalid-request',
      () => post('/segment', { box: [0, 0, 9, 9] }),
    ],
    [
      'text for segment',
      415,
      'unsupported-media-type',
      () => send('POST', '/segment', 'a', 'text/plain'),
    ],
    ['segment without a body', 415, 'unsupported-media-type', () => send('POST', '/segment')],
    ['segment without a prompt', 400, 'invalid-request', () => post('/segment', form(picture))],
    [
      'segment with broken JSON',
      400,
      'invalid-request',
      () =>
        send(
          'POST',
          '/segment',
          `${part('image', '; filename="a"')}abc\r\n${part('box')}[1,2\r\n--edge--\r\n`,
          multipart,
        ),
    ],
    [
      'segment as text',
      406,
      'not-acceptable',
      () => post('/segment', form(picture, { box: [0, 0, 9, 9] }), { accept: 'text/html' }),
    ],
    [
      'one mask of two prompts',
      400,
      'invalid-request',
      () =>
        post(
          '/segment',
          form(picture, { prompts: [{ box: [0, 0, 9, 9] }, { box: [0, 0, 9, 9] }] }),
          { accept: 'image/png' },
        ),
    ],
  ];

  const logits = (numbers: number) => ({
    dtype: 'float32',
    data: Buffer.alloc(numbers * 4).toString('base64'),
  });
  const nan = Buffer.alloc(256 * 256 * 4);
  nan.writeFloatLE(Number.NaN, 400);
  const prompts: [name: string, status: number, slug: string, fields: Record<string, unknown>][] = [
    ['an unknown id', 404, 'embedding-not-found', { embedding_id: missing, box: [0, 0, 9, 9] }],
    ['a malformed id', 400, 'invalid-request', { embedding_id: '../etc', box: [0, 0, 9, 9] }],
    ['no prompt', 400, 'invalid-request', {}],
    ['empty prompts', 400, 'invalid-request', { prompts: [] }],
    ['an empty prompt', 400, 'invalid-request', { prompts: [{}] }],
    ['no points', 400, 'invalid-request', { point_coords: [], point_labels: [] }],
    ['points without labels', 400, 'invalid-request', { point_coords: [[1, 2]] }],
    ['labels without points', 400, 'invalid-request', { point_labels: [1], box: [0, 0, 9, 9] }],
    ['a label too many', 400, 'invalid-request', { point_coords: [[1, 2]], point_labels: [1, 0] }],
    ['label 2', 400, 'invalid-request', { point_coords: [[1, 2]], point_labels: [2] }],
    ['label true', 400, 'invalid-request', { point_coords: [[1, 2]], point_labels: [true] }],
    [
      'a coordinate as text',
      400,
      'invalid-request',
      { point_coords: [['1', 2]], point_labels: [1] },
    ],
    ['three coordinates', 400, 'invalid-request', { point_coords: [[1, 2, 3]], point_labels: [1] }],
    ['a point outside', 422, 'prompt-invalid', { point_coords: [[401, 2]], point_labels: [1] }],
    ['a negative point', 422, 'prompt-invalid', { point_coords: [[-0.1, 2]], point_labels: [1] }],
    ['an inverted box', 422, 'prompt-invalid', { box: [9, 9, 3, 20] }],
    ['an empty box', 422, 'prompt-invalid', { box: [9, 9, 9, 20] }],
    ['a box outside', 422, 'prompt-invalid', { box: [9, 9, 20, 301] }],
    ['three sides', 400, 'invalid-request', { box: [9, 9, 20] }],
    ['short logits', 422, 'prompt-invalid', { mask_input: logits(255 * 256) }],
    ['long logits', 422, 'prompt-invalid', { mask_input: logits(257 * 256) }],
    [
      'logits that are not numbers',
      422,
      'prompt-invalid',
      { mask_input: { dtype: 'float32', data: nan.toString('base64') } },
    ],
    ['logits of another type', 400, 'invalid-request', { mask_input: { dtype: 'int8', data: '' } }],
    ['an unknown field', 400, 'invalid-request', { box: [0, 0, 9, 9], points: [] }],
    [
      'an unknown field in a prompt',
      400,
      'invalid-request',
      { prompts: [{ box: [0, 0, 9, 9], x: 1 }] },
    ],
    ['an unknown format', 400, 'invalid-request', { box: [0, 0, 9, 9], format: 'bmp' }],
    [
      'a prompt in both places',
      400,
      'invalid-request',
      { box: [0, 0, 9, 9], prompts: [{ box: [0, 0, 9, 9] }] },
    ],
    [
      'too many prompts',
      413,
      'too-many-prompts',
      { prompts: Array(4).fill({ box: [0, 0, 9, 9] }) },
    ],
    [
      'too many points',
      413,
      'too-many-prompts',
      { point_coords: Array(5).fill([1, 1]), point_labels: Array(5).fill(1) },
    ],
  ];
  for (const [name, status, slug, fields] of prompts) {
    cases.push([name, status, slug, () => post('/decode', { embedding_id: id, ...fields })]);
  }

  for (const [name, status, slug, answer] of cases) {
    await t.test(name, async (t) => {
      const body = await problem(t, await answer(), status, slug);
      t.notMatch(JSON.stringify(body), /node_modules|\.js|\/src\/|vips/, 'nothing of the inside');
    });
  }

  t.test('coordinates that overflow are not numbers', async (t) => {
    const body = `{"embedding_id":"${id}","point_coords":[[1,1e999]],"point_labels":[1]}`;
    await problem(
      t,
      await send('POST', '/decode', body, 'application/json'),
      400,
      'invalid-request',
    );
  });
  t.test('a wrong method says which are right', async (t) => {
    const response = await send('PATCH', `/embeddings/${id}`);
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
