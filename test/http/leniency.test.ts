import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const box = [40, 40, 200, 200];

interface Answer {
  readonly results: {
    masks: { segmentation: object; area: number; bbox: number[] }[];
    error?: { type: string; status: number; detail: string; errors: { path: string }[] };
  }[];
  readonly warnings?: string[];
}

t.test('what is answered but not as it should be', async (t) => {
  const { post } = await sharedService(t);
  const embedded = await (await post('/embed', form(picture))).json();
  const { embedding_id } = embedded as { embedding_id: string };
  const decode = async (fields: object) => {
    const response = await post('/decode', { embedding_id, ...fields });
    t.equal(response.status, 200);
    return (await response.json()) as Answer;
  };

  t.test('warnings', async (t) => {
    t.notOk('warnings' in (await decode({ box })), 'absent where nothing looks wrong');
    for (const fields of [
      { box: [0.1, 0.2, 0.5, 0.6] },
      { point_coords: [[0.4, 0.5]], point_labels: [1] },
      { box: [0, 0, 1, 1], format: 'png', return_logits: true },
    ]) {
      const { warnings } = await decode(fields);
      t.match(warnings?.[0], /^prompts\[0\]: all coordinates lie between 0 and 1.*pixels$/);
    }
    const { warnings } = await decode({ prompts: [{ box }, { box: [0.1, 0.2, 0.5, 0.6] }] });
    t.match(warnings?.[0], /^prompts\[1\]: /);
    const long = await decode({
      prompts: Array(12).fill({ box: [0.1, 0.2, 0.5, 0.6] }),
      return_logits: true,
    });
    t.equal(long.results.length, 12, 'an answer in pieces');
    t.match(long.warnings, [/^prompts\[0\], prompts\[1\],/]);
  });

  t.test('clip moves prompts into the image', async (t) => {
    for (const [outside, inside] of [
      [{ box: [-9, -0.5, 200, 200] }, { box: [0, 0, 200, 200] }],
      [{ box: [40, 40, 409, 301] }, { box: [40, 40, 400, 300] }],
      [
        {
          point_coords: [
            [-3, 80],
            [100, 310],
          ],
          point_labels: [1, 0],
        },
        {
          point_coords: [
            [0, 80],
            [100, 300],
          ],
          point_labels: [1, 0],
        },
      ],
    ]) {
      await problem(t, await post('/decode', { embedding_id, ...outside }), 422, 'prompt-invalid');
      const moved = await decode({ ...outside, clip: true });
      t.same(moved.results, (await decode({ ...inside })).results);
      const segmented = await post('/segment', form(picture, { prompts: [outside], clip: true }));
      t.equal(segmented.status, 200);
    }
    for (const beside of [
      [400, 0, 500, 100],
      [-50, -50, 0, 9],
      [20, 9, 3, 20],
    ]) {
      const response = await post('/decode', { embedding_id, box: beside, clip: true });
      await problem(t, response, 422, 'prompt-invalid');
    }
  });

  t.test('a bad prompt may have its error among the results', async (t) => {
    const good = { box };
    const bad: [prompt: object, type: string, path: string][] = [
      [{ box: [40, 40, 900, 200] }, 'prompt-invalid', '/box'],
      [{ box: [200, 40, 40, 200] }, 'prompt-invalid', '/box'],
      [{ point_coords: [[1, 900]], point_labels: [1] }, 'prompt-invalid', '/point_coords/0'],
      [{ point_coords: [[1, 9]] }, 'invalid-request', '/point_labels'],
      [{}, 'invalid-request', ''],
      [{ box, mask_input: { token: 'gone' } }, 'logits-not-found', '/mask_input/token'],
      [
        { box, mask_input: { dtype: 'float32', data: 'AAAA' } },
        'prompt-invalid',
        '/mask_input/data',
      ],
      [
        { point_coords: Array(257).fill([1, 1]), point_labels: Array(257).fill(1) },
        'too-many-prompts',
        '/point_coords',
      ],
    ];
    const prompts = [good, ...bad.map(([prompt]) => prompt), good];
    const failed = await post('/decode', { embedding_id, prompts });
    t.equal(failed.status, 400, 'all fail by default');
    const { results } = await decode({ prompts, on_error: 'result' });
    const [alone] = (await decode(good)).results;
    // The order of additions in a batch moves the last bits.
    for (const result of [results[0], results.at(-1)]) {
      t.same(result?.masks[0]?.bbox, alone?.masks[0]?.bbox);
      t.notOk(result?.error);
    }
    for (const [i, [prompt, type, path]] of bad.entries()) {
      t.match(results[i + 1], {
        masks: [],
        error: { type: `/problems/${type}`, errors: [{ path: `/prompts/${i + 1}${path}` }] },
      });
      const single = await decode({ ...prompt, on_error: 'result' });
      t.match(single.results, [{ masks: [], error: { errors: [{ path }] } }]);
    }
    const malformed = [{ box: [1, 2, 3] }, good, { boxes: [] }, 'nothing', { point_labels: 1 }];
    const json = { image: { base64: picture.toString('base64') } };
    for (const response of [
      await post('/decode', { embedding_id, prompts: malformed, on_error: 'result' }),
      await post('/segment', form(picture, { prompts: malformed, on_error: 'result' })),
      await post('/segment', { ...json, prompts: malformed, on_error: 'result' }),
    ]) {
      t.equal(response.status, 200);
      const { results } = (await response.json()) as Answer;
      t.same(results[1]?.masks[0]?.bbox, alone?.masks[0]?.bbox);
      t.notOk(results[1]?.error);
      for (const [i, path] of [
        [0, '/prompts/0/box'],
        [2, '/prompts/2/boxes'],
        [3, '/prompts/3'],
        [4, '/prompts/4/point_labels'],
      ] as const) {
        t.match(results[i], {
          masks: [],
          error: { type: '/problems/invalid-request', status: 400, errors: [{ path }] },
        });
      }
    }
    const strict = await post('/decode', { embedding_id, prompts: malformed });
    await problem(t, strict, 400, 'invalid-request');
    const segmented = await post('/segment', form(picture, { prompts, on_error: 'result' }));
    t.same(((await segmented.json()) as Answer).results.length, prompts.length);
    const file = { accept: 'image/png' };
    const refused = await post('/decode', { embedding_id, ...good, on_error: 'result' }, file);
    const { errors } = await problem(t, refused, 400, 'invalid-request');
    t.match(errors, [{ path: '/on_error' }]);
  });

  t.test('everything mode takes grids of its own', async (t) => {
    const everything = (fields: object) => post('/everything', { embedding_id, ...fields });
    const masks = async (fields: object) => {
      const response = await everything(fields);
      t.equal(response.status, 200);
      return ((await response.json()) as { masks: object[] }).masks;
    };
    const even = [0.125, 0.375, 0.625, 0.875];
    const grid = even.flatMap((y) => even.map((x) => [x, y]));
    const found = await masks({ points_per_side: 4 });
    t.ok(found.length > 0);
    t.same(await masks({ point_grids: [grid] }), found);
    const refused: [fields: object, path: string, message: RegExp][] = [
      [{ point_grids: [grid, grid] }, '/point_grids', /must have 1 grids/],
      [{ point_grids: grid }, '/point_grids', /\[\[…\]\] is one level too few/],
      [{ point_grids: [[[80, 60]]] }, '/point_grids/0/0/0', /must be <= 1/],
      [{ point_grids: [grid], points_per_side: 4 }, '/point_grids', /beside points_per_side/],
    ];
    for (const [fields, path, message] of refused) {
      const { errors } = await problem(t, await everything(fields), 400, 'invalid-request');
      t.match(errors, [{ message }]);
      t.ok(JSON.stringify(errors).includes(path));
    }
  });

  t.test('everything mode says when it finds nothing', async (t) => {
    const unstable = { stability_score_thresh: 1, stability_score_offset: 100 };
    const fields = { embedding_id, points_per_side: 2, ...unstable };
    const answer = await (await post('/everything', fields)).json();
    t.match(answer, { masks: [], warnings: [/no mask passed the thresholds/] });
    const lines = await post('/everything', fields, { accept: 'application/x-ndjson' });
    const last = JSON.parse((await lines.text()).trim().split('\n').at(-1) as string);
    t.match(last, { type: 'done', ids: [], warnings: [/no mask passed the thresholds/] });
  });

  t.test('the least area has two names', async (t) => {
    const fields = { box, min_area: 5000 };
    const { results } = await decode(fields);
    t.same((await decode({ box, min_mask_region_area: 5000 })).results, results);
    t.same((await decode({ ...fields, min_mask_region_area: 5000 })).results, results);
    for (const path of ['/decode', '/everything']) {
      const prompt = path === '/decode' ? { box } : {};
      const both = { embedding_id, ...prompt, min_area: 5, min_mask_region_area: 6 };
      const { errors } = await problem(t, await post(path, both), 400, 'invalid-request');
      t.match(errors, [{ path: '/min_mask_region_area', message: /another name of min_area/ }]);
    }
    const everything = async (area: object) => {
      const response = await post('/everything', { embedding_id, points_per_side: 4, ...area });
      return ((await response.json()) as { masks: object[] }).masks;
    };
    const masks = await everything({ min_area: 200 });
    t.ok(masks.length > 0);
    t.same(masks, await everything({ min_mask_region_area: 200 }));
  });
});
