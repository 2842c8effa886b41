import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import sharp from 'sharp';
import t from 'tap';
import { heldIn, until } from '../fixtures/gauges.js';
import { problem, type Service, startService } from '../fixtures/service.js';

/** Large enough for its masks to be written one by one. */
const width = 1800;
const height = 1200;
const picture = await sharp({ create: { width, height, channels: 3, background: '#357' } })
  .composite([
    {
      input: Buffer.from(
        `<svg width="${width}" height="${height}"><circle cx="600" cy="600" r="300" fill="#fe8"/></svg>`,
      ),
    },
  ])
  .png()
  .toBuffer();

/** Logits whose sign changes from each to the next: a mask that is nothing but edges. */
const board = Float32Array.from({ length: 256 * 256 }, (_, i) =>
  ((i & 1) ^ ((i >> 8) & 1)) === 0 ? 8 : -8,
);
const mask_input = { dtype: 'float32', data: Buffer.from(board.buffer).toString('base64') };
const edges = { box: [0, 0, width, height], mask_input };

async function embed(service: Service): Promise<string> {
  const answer = await service.post('/embed', picture, { 'content-type': 'image/png' });
  return ((await answer.json()) as { embedding_id: string }).embedding_id;
}

async function held({ url }: Service): Promise<string[]> {
  return heldIn(await (await fetch(`${url}/metrics`)).text());
}

async function ask(port: number, body: object): Promise<Socket> {
  const text = JSON.stringify(body);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `POST /decode HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
  await once(socket, 'connect');
  return socket.pause();
}

t.test('large answers are written piece by piece', async (t) => {
  const service = await startService(t, {
    SAM_ANSWER_STALL_MS: '1000',
    SAM_MAX_ANSWER_BYTES: '64M',
  });
  const embedding_id = await embed(service);
  const port = Number(new URL(service.url).port);
  const transform = [1e-5 / 3, 0, 12.3456789, 0, -1e-5 / 3, 45.6789];
  const decode = (body: object, headers = {}) =>
    service.post('/decode', { embedding_id, ...body }, headers);

  await t.test('and say what small ones would', async (t) => {
    for (const format of ['rle', 'rle_counts', 'polygon', 'geojson', 'svg', 'labelstudio_rle']) {
      const one = (await (await decode({ ...edges, format })).json()) as {
        results: { masks: Record<string, unknown>[] }[];
      };
      const many = (await (await decode({ prompts: Array(3).fill(edges), format })).json()) as {
        results: { masks: { segmentation: unknown; area: number }[] }[];
      };
      t.equal(many.results.length, 3);
      for (const { masks } of many.results) t.same(masks, one.results[0]?.masks, format);
    }
  });

  await t.test('as files and collections too', async (t) => {
    const body = { prompts: [edges, edges], format: 'geojson', transform };
    const json = (await (await decode(body)).json()) as {
      results: { masks: { segmentation: { geojson: { features: object[] } } }[] }[];
    };
    const collection = await decode(body, { accept: 'application/geo+json' });
    const { features } = (await collection.json()) as { features: { properties: object }[] };
    t.equal(features.length, 2);
    const wanted = json.results.map(({ masks }, prompt) => {
      const feature = masks[0]?.segmentation.geojson.features[0] as { properties: object };
      return { ...feature, properties: { prompt, ...feature.properties } };
    });
    t.same(features, wanted);
    const svg = await decode({ ...edges }, { accept: 'image/svg+xml' });
    t.match(await svg.text(), /^<svg .*<\/svg>$/s);
    t.ok(Number(svg.headers.get('x-area')) > 0);
  });

  await t.test('logits as they are in memory', async (t) => {
    for (const logits_dtype of ['float16', 'float32']) {
      const body = { prompts: [edges, edges], format: 'logits', return_logits: true, logits_dtype };
      const { results } = (await (await decode(body)).json()) as {
        results: { masks: { segmentation: object; low_res_logits: object }[] }[];
      };
      for (const { masks } of results) {
        t.same(masks[0]?.segmentation, masks[0]?.low_res_logits);
        t.match(masks[0]?.segmentation, { dtype: logits_dtype, data: /^[\w+/]+=*$/ });
      }
    }
  });

  await t.test('those that would be too large are refused in words', async (t) => {
    const point = { point_coords: [[600, 600]], point_labels: [1] };
    const prompts = Array(64).fill(point);
    const logits = await decode({ prompts, format: 'logits', return_logits: true });
    const refusal = await problem(t, logits, 413, 'answer-too-large');
    t.match(refusal['detail'], /send fewer prompts at once/);
    const small = await startService(t, { SAM_MAX_ANSWER_BYTES: '100K' });
    const body = { embedding_id: await embed(small), ...edges, transform };
    await problem(
      t,
      await small.post('/decode', { ...body, format: 'geojson' }),
      413,
      'answer-too-large',
    );
    t.equal((await small.post('/decode', { ...edges, embedding_id, format: 'rle' })).status, 200);
  });

  await t.test('a client that does not read is cut off, and nothing is left of it', async (t) => {
    const prompts = Array(40).fill({ point_coords: [[600, 600]], point_labels: [1] });
    const body = { embedding_id, prompts, format: 'logits' };
    const sockets = await Promise.all([ask(port, body), ask(port, body)]);
    t.ok(await until(async () => (await held(service)).some((line) => line.includes('masks'))));
    t.ok(await until(async () => (await held(service)).length === 0));
    for (const socket of sockets) socket.destroy();
  });
});
