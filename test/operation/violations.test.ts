import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

const picture = await draw(scene(1));

t.test(
  'who gets everything wrong is told of the first things, and how many more there are',
  async (t) => {
    const { post } = await sharedService(t);
    const { embedding_id } = (await (await post('/embed', form(picture))).json()) as {
      embedding_id: string;
    };
    const points = {
      point_coords: Array(256).fill([-1, -1]),
      point_labels: Array(256).fill(1),
    };
    const cases: [name: string, fields: object, status: number, slug: string, more: RegExp][] = [
      [
        'points outside',
        { prompts: Array(64).fill(points) },
        422,
        'prompt-invalid',
        /and 16383 more/,
      ],
      [
        'boxes the wrong way round',
        { prompts: Array(64).fill({ box: [9, 9, 3, 3] }) },
        422,
        'prompt-invalid',
        /and 63 more/,
      ],
      [
        'prompts of nothing',
        { prompts: Array(64).fill({}) },
        400,
        'invalid-request',
        /and 63 more/,
      ],
    ];
    for (const [name, fields, status, slug, more] of cases) {
      for (const answer of [
        await post('/decode', { embedding_id, ...fields }),
        await post('/segment', form(picture, fields as Record<string, unknown>)),
      ]) {
        const body = await problem(t, answer, status, slug);
        t.equal((body['errors'] as unknown[]).length, 20, name);
        t.match(body['detail'], more);
        t.ok(JSON.stringify(body).length < 3000);
      }
    }

    const long = 'a'.repeat(10 ** 6);
    for (const fields of [
      { [long]: 1 },
      { prompts: [{ [long]: 1 }] },
      { box: [1, 1, 9, 9], format: long },
    ]) {
      const answer = await post('/decode', { embedding_id, ...fields });
      const body = await problem(t, answer, 400, 'invalid-request');
      t.ok(JSON.stringify(body).length < 5000, 'nothing a client sends comes back at length');
    }
  },
);
