import fc from 'fast-check';
import { noise } from '../test/fixtures/pictures.js';
import { idOf } from './checklist.js';
import { type Call, Client, check, percentile, type Reply, watchHealth } from './client.js';
import { goodImages, PICTURE } from './images.js';

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
const points = fc.array(fc.array(coordinate, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
const prompt = fc.record(
  {
    point_coords: fc.oneof(points, junk),
    point_labels: fc.oneof(fc.array(fc.integer({ min: -1, max: 2 }), { maxLength: 4 }), junk),
    box: fc.oneof(fc.array(coordinate, { minLength: 3, maxLength: 5 }), junk),
    mask_input: fc.oneof(fc.record({ dtype: junk, data: fc.oneof(fc.base64String(), junk) }), junk),
    multimask_output: fc.oneof(fc.boolean(), junk),
  },
  { requiredKeys: [] },
);
const side = fc.integer({ min: 0, max: 150 });
const goodBody = (id: string) =>
  fc.record({
    embedding_id: fc.constant(id),
    box: fc.tuple(
      side,
      side,
      fc.integer({ min: 151, max: 400 }),
      fc.integer({ min: 151, max: 300 }),
    ),
    format: fc.constantFrom('rle', 'png', 'rle_counts'),
    multimask_output: fc.boolean(),
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
      format: fc.oneof(fc.constantFrom('rle', 'png', 'rle_counts'), junk),
      return_logits: fc.oneof(fc.boolean(), junk),
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
 * Sends requests that are almost right: mutated images, structured JSON, mutated forms.
 * @throws when anything but 2xx, a problem of the 4xx, or 503 comes back
 */
export async function fuzz(url: string, requests: number, seed: number): Promise<FuzzFigures> {
  const client = new Client(url);
  const id = idOf(PICTURE);
  await client.embed(PICTURE);
  const images = (await goodImages()).map(([, file]) => file);
  const random = noise((seed % 2147483646) + 1);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const bodies = fc.sample(
    fc.oneof({ weight: 1, arbitrary: goodBody(id) }, { weight: 9, arbitrary: decodeBody(id) }),
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

  function next(): Call {
    const kind = random();
    if (kind < 0.55) return { path: '/decode', body: JSON.stringify(pick(bodies)) };
    if (kind < 0.65)
      return { path: '/decode', body: mutate(Buffer.from(JSON.stringify(pick(bodies)))) };
    if (kind < 0.85) return { path: '/embed', type: 'image/png', body: mutate(pick(images)) };
    const file = kind < 0.9 ? pick(images) : mutate(pick(images));
    const form = Buffer.concat([
      Buffer.from('--edge\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'),
      file.subarray(0, 3000),
      Buffer.from(
        `\r\n--edge\r\nContent-Disposition: form-data; name="box"\r\n\r\n[1,2,3,4]\r\n--edge--\r\n`,
      ),
    ]);
    const edges = Buffer.from(form);
    for (let i = 0; i < 4; i++)
      edges[Math.floor(random() * Math.min(90, edges.length))] = 256 * random();
    const type = 'multipart/form-data; boundary=edge';
    return { path: pick(['/embed', '/segment']), type, body: edges };
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
