import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { MASK_FORMATS } from '../src/core/mask.js';
import { MULTIPART, multipart, part } from '../test/fixtures/multipart.js';
import { noise } from '../test/fixtures/pictures.js';
import { type Call, Client, check, percentile, type Reply, watchHealth } from './client.js';
import { graft } from './grafts.js';
import { goodImages, idOf, PICTURE } from './images.js';

/** Values a field should not have, and some that it may. */
const junk = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.constantFrom(-1, 1e308, 2 ** 53, '', '\0', '../', '__proto__', [], {}, null, true),
);
const coordinate = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -5, max: 405 }) },
  { weight: 1, arbitrary: junk },
);
const base64 = (bytes: Buffer) => bytes.toString('base64');
const points = fc.array(fc.array(coordinate, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
/** Run lengths of 400x300 pixels, or nearly so. */
const runs = fc
  .array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 9 })
  .map((some) => [...some, 120_000 - some.reduce((sum, run) => sum + run, 0)]);
/** A PNG file in base64, plain or as a data URI. */
const png = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: PICTURE.length }))
  .map(
    ([isUri, end]) => (isUri ? 'data:image/png;base64,' : '') + base64(PICTURE.subarray(0, end)),
  );
/** Words, signs, the tokenizer's own tokens, and texts too long for it. */
const phrase = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('a wheel', '', ' ', '<|endoftext|>', '!', '🍎'.repeat(9)),
  },
  { weight: 1, arbitrary: fc.constantFrom('a '.repeat(5000), 'x'.repeat(100_000), '\ud83d') },
);
const side = fc.integer({ min: 0, max: 150 });
/** Inside of the picture, and not inverted. */
const goodBox = fc.tuple(
  side,
  side,
  fc.integer({ min: 151, max: 400 }),
  fc.integer({ min: 151, max: 300 }),
);
const share01 = fc.double({ min: -0.1, max: 1.1, noNaN: true });
/** What is to be found, and how. */
const searched = {
  text: fc.oneof(phrase, fc.array(phrase, { maxLength: 4 }), junk),
  exemplar: fc.oneof(
    fc.record({ box: goodBox }),
    fc.record({ box: fc.oneof(fc.array(coordinate, { minLength: 3, maxLength: 5 }), junk) }),
    junk,
  ),
};
const prompt = fc.record(
  {
    point_coords: fc.oneof(points, junk),
    point_labels: fc.oneof(fc.array(fc.integer({ min: -1, max: 2 }), { maxLength: 4 }), junk),
    box: fc.oneof(fc.array(coordinate, { minLength: 3, maxLength: 5 }), junk),
    mask_input: fc.oneof(
      fc.record({ dtype: junk, data: fc.oneof(fc.base64String(), junk) }),
      fc.record({ size: fc.oneof(fc.constant([300, 400]), junk), counts: fc.oneof(runs, junk) }),
      fc.record({ png: fc.oneof(png, junk) }),
      fc.record({ token: fc.oneof(fc.base64String(), junk) }),
      junk,
    ),
    multimask_output: fc.oneof(fc.boolean(), junk),
    ...searched,
  },
  { requiredKeys: [] },
);
const found = {
  text_threshold: fc.oneof({ weight: 4, arbitrary: share01 }, { weight: 1, arbitrary: junk }),
  text_nms_thresh: fc.oneof({ weight: 4, arbitrary: share01 }, { weight: 1, arbitrary: junk }),
  max_detections: fc.oneof(fc.integer({ min: 0, max: 5 }), junk),
  templates: fc.oneof(fc.boolean(), junk),
};
/** Requests that find things, most of them right but for one field. */
const searchBody = (id: string) =>
  fc.record(
    {
      embedding_id: fc.constant(id),
      ...searched,
      ...found,
      box: fc.oneof(goodBox, fc.array(coordinate, { minLength: 4, maxLength: 4 })),
      format: fc.constantFrom(...MASK_FORMATS),
      multimask_output: fc.boolean(),
      on_error: fc.constantFrom('fail', 'result'),
      clip: fc.boolean(),
    },
    { requiredKeys: ['embedding_id', 'max_detections'] },
  );
const transform = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
  minLength: 6,
  maxLength: 6,
});
/** Fields that say how masks are written, each of which some requests have. */
const written = {
  simplify: fc.option(fc.double({ min: 0, max: 50, noNaN: true }), { nil: undefined }),
  min_area: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
  transform: fc.option(transform, { nil: undefined, freq: 2 }),
  return_logits: fc.boolean(),
  return_logits_token: fc.boolean(),
  logits_dtype: fc.constantFrom('float16', 'float32'),
  clip: fc.boolean(),
  on_error: fc.constantFrom('fail', 'result'),
};
const share = fc.tuple(fc.double({ min: 0, max: 1 }), fc.double({ min: 0, max: 1 }));
const everythingBody = (id: string) =>
  fc.record(
    {
      embedding_id: fc.constant(id),
      points_per_side: fc.oneof(fc.integer({ min: 1, max: 3 }), junk),
      pred_iou_thresh: fc.oneof(fc.constantFrom(0, 0.5, 1), junk),
      stability_score_thresh: fc.oneof(fc.constantFrom(0, 0.5, 1), junk),
      box_nms_thresh: fc.oneof(fc.constantFrom(0, 0.7, 1), junk),
      crop_n_layers: fc.oneof(fc.integer({ min: 0, max: 4 }), junk),
      min_mask_region_area: fc.oneof(fc.integer({ min: 0, max: 5000 }), junk),
      format: fc.oneof(fc.constantFrom(...MASK_FORMATS, 'coco'), junk),
      transform: fc.oneof(transform, junk),
      labels: fc.oneof(fc.array(phrase, { maxLength: 3 }), junk),
      proposals: fc.oneof(fc.constant('objectness'), junk),
      ...found,
      point_grids: fc.oneof(fc.array(fc.array(share, { maxLength: 4 }), { maxLength: 3 }), junk),
    },
    // Grids are small: nothing but the number of tasks would be tried by larger ones.
    { requiredKeys: ['embedding_id', 'points_per_side'] },
  );
const ACCEPTS = [
  ...['*/*', 'application/json', 'image/png', 'image/svg+xml', 'application/geo+json'],
  ...['application/octet-stream', 'multipart/mixed', 'application/x-ndjson', 'application/x-npy'],
  ...['text/html', '', 'image/png;q=0.1, multipart/mixed', 'nonsense'],
];
const FIELD_TYPES = [
  ...['application/json', 'text/plain', 'application/octet-stream', 'image/png', 'text/html'],
  ...['application/json; charset=utf-16', 'multipart/mixed; boundary=edge', 'nonsense', ''],
];
const goodBody = (id: string) =>
  fc.record({
    embedding_id: fc.constant(id),
    box: goodBox,
    format: fc.constantFrom(...MASK_FORMATS),
    multimask_output: fc.boolean(),
    ...written,
  });
const decodeBody = (id: string) =>
  fc.record(
    {
      embedding_id: fc.oneof(
        { weight: 9, arbitrary: fc.constant(id) },
        { weight: 1, arbitrary: junk },
      ),
      prompts: fc.oneof(fc.array(prompt, { maxLength: 3 }), junk),
      box: fc.oneof(fc.array(coordinate, { minLength: 4, maxLength: 4 }), junk),
      format: fc.oneof(fc.constantFrom(...MASK_FORMATS), junk),
      simplify: fc.oneof(fc.double({ min: 0, max: 500 }), junk),
      min_area: fc.oneof(fc.integer({ min: 0, max: 200_000 }), junk),
      transform: fc.oneof(transform, junk),
      bounds: fc.oneof(fc.array(coordinate, { minLength: 4, maxLength: 4 }), junk),
      return_logits: fc.oneof(fc.boolean(), junk),
      return_logits_token: fc.oneof(fc.boolean(), junk),
      logits_dtype: fc.oneof(fc.constantFrom('float16', 'float32'), junk),
      clip: fc.oneof(fc.boolean(), junk),
      on_error: fc.oneof(fc.constantFrom('fail', 'result'), junk),
      unknown: junk,
    },
    { requiredKeys: ['embedding_id'] },
  );

/** Clients that send at once. */
export const FUZZ_CLIENTS = 16;

export interface FuzzFigures {
  readonly seed: number;
  readonly requests: number;
  readonly statuses: Record<string, number>;
  readonly healthP99: number;
}

/**
 * Sends requests that are almost right: mutated and grafted images, structured JSON, mutated forms; whole or in
 * pieces, by clients that read answers, or read slowly, or read only how they begin.
 * @param findsTexts whether the service has a model that reads texts.
 * @throws when anything but 2xx, a problem of the 4xx, or 503 comes back
 */
export async function fuzz(
  url: string,
  requests: number,
  seed: number,
  findsTexts = false,
): Promise<FuzzFigures> {
  const client = new Client(url);
  const id = idOf(PICTURE);
  const picture = { type: 'image/png', body: PICTURE };
  await client.send({ path: findsTexts ? '/embed?text=true' : '/embed', ...picture });
  const images = (await goodImages()).map(([, file]) => file);
  const random = noise((seed % 2147483646) + 1);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const bodies = fc.sample(
    fc.oneof(
      { weight: 1, arbitrary: goodBody(id) },
      { weight: 8, arbitrary: decodeBody(id) },
      { weight: findsTexts ? 9 : 1, arbitrary: searchBody(id) },
    ),
    {
      numRuns: Math.min(requests, 20_000),
      seed,
    },
  );

  function mutate(bytes: Buffer): Buffer {
    const mutated = Buffer.from(bytes);
    const changes = 1 + Math.floor(random() * 8);
    for (let i = 0; i < changes; i++) {
      // Mostly headers: a changed pixel is still a picture, and costs an encode.
      const end = random() < 0.9 ? Math.min(200, mutated.length) : mutated.length;
      mutated[Math.floor(random() * end)] = 256 * random();
    }
    return random() < 0.3 ? mutated.subarray(0, Math.floor(random() * mutated.length)) : mutated;
  }

  const everythings = fc.sample(everythingBody(id), { numRuns: Math.min(requests, 2000), seed });

  function form(): Call {
    const file = random() < 0.5 ? pick(images) : mutate(pick(images));
    const type = random() < 0.5 ? '' : `\r\nContent-Type: ${pick(FIELD_TYPES)}`;
    const box = random() < 0.5 ? '[1,2,3,4]' : JSON.stringify(pick(bodies));
    const edges = multipart(
      part('name="image"; filename="a"', file.subarray(0, 3000)),
      part(`name="${pick(['box', 'prompts', 'format', 'image', 'x'])}"${type}`, box),
    );
    for (let i = 0; i < 4; i++)
      if (random() < 0.5) edges[Math.floor(random() * Math.min(90, edges.length))] = 256 * random();
    const path = pick(['/embed', '/segment', '/segment?overlay=1', '/everything']);
    return { path, type: MULTIPART, body: edges };
  }

  function content(): Call {
    const kind = random();
    if (kind < 0.52) return { path: '/decode', body: JSON.stringify(pick(bodies)) };
    if (kind < 0.55) return { path: '/everything', body: JSON.stringify(pick(everythings)) };
    if (kind < 0.65)
      return { path: '/decode', body: mutate(Buffer.from(JSON.stringify(pick(bodies)))) };
    if (kind < 0.75) return { path: '/embed', type: 'image/png', body: mutate(pick(images)) };
    if (kind < 0.85)
      return { path: '/embed', type: 'image/png', body: graft(pick(images), random) };
    if (kind < 0.87) return { method: 'GET', path: `/embeddings/${id}` };
    if (kind < 0.9) return imageInJson();
    return form();
  }

  function imageInJson(): Call {
    const file = random() < 0.5 ? pick(images) : mutate(pick(images));
    const { embedding_id: _, ...asked } = pick(bodies) as Record<string, unknown>;
    const image = { base64: (random() < 0.5 ? 'data:image/png;base64,' : '') + base64(file) };
    return { path: '/segment', body: JSON.stringify({ ...asked, image }) };
  }

  /** The same body packed, sometimes as something else or with a byte changed. */
  function packed(call: Call): Call {
    if (!call.body || random() < 0.9) return call;
    const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
    const [encoding, pack] = pick([
      ['gzip', (body: Buffer) => gzipSync(body)],
      ['br', (body: Buffer) => brotliCompressSync(body, quick)],
      ['deflate', (body: Buffer) => body],
      ['gzip, br', (body: Buffer) => gzipSync(body)],
    ] as const);
    const body = pack(Buffer.from(call.body));
    if (random() < 0.3) body[Math.floor(random() * body.length)] = 256 * random();
    return { ...call, body, encoding: random() < 0.9 ? encoding : 'br' };
  }

  /** A request, and the way in which it is sent and its answer read. */
  function next(): Call {
    const call = packed(content());
    const accept = random() < 0.5 ? {} : { accept: pick(ACCEPTS) };
    // Of a large body a byte at a time would take until nobody waits.
    const least = (call.body?.length ?? 0) / 300;
    const piece = Math.ceil(Math.max(2 ** Math.floor(17 * random()), least));
    const pieces = random() < 0.6 ? {} : { piece, chunked: random() < 0.5 };
    const reading = random() < 0.8 ? 'whole' : pick(['slow', 'beginning'] as const);
    return { ...call, ...accept, ...pieces, reading };
  }

  const statuses: Record<string, number> = {};
  const wrong: string[] = [];
  const judge = ({ status, headers, body }: Reply, call: Call) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    const problem = headers['content-type']?.startsWith('application/problem+json') ?? false;
    const right = status < 300 ? status >= 200 : problem && (status < 500 || status === 503);
    if (!right) wrong.push(`${call.path} ${status}: ${body.subarray(0, 200)}`);
  };
  const healthy = watchHealth(new Client(url));
  let sent = 0;
  const one = async () => {
    while (sent < requests) {
      sent++;
      const call = next();
      judge(await client.send(call), call);
    }
  };
  await Promise.all(Array.from({ length: FUZZ_CLIENTS }, one));
  const healthP99 = percentile(await healthy(), 0.99);
  client.close();
  check(
    wrong.length === 0,
    `every answer is 2xx, a 4xx problem or 503; seed ${seed}: ${wrong.slice(0, 5).join('\n')}`,
  );
  return { seed, requests, statuses, healthP99 };
}
