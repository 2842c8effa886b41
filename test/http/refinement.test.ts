import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

interface Mask {
  readonly segmentation: { readonly size: number[]; readonly counts: string; readonly png: string };
  readonly predicted_iou: number;
  readonly area: number;
  readonly low_res_logits: { readonly dtype: string; readonly data: string };
  readonly logits_token: string;
}

const picture = scene(1);
const photograph = await draw(picture);
const clicks = [
  [90, 90],
  [70, 60],
  [20, 20],
];
const labels = [1, 1, 0];

t.test('refinement', async (t) => {
  const { post } = await startService(t, { SAM_LOGITS_BYTES: '1M' });
  const embedded = await post('/embed', form(photograph));
  const { embedding_id } = (await embedded.json()) as { embedding_id: string };
  const decode = (fields: Record<string, unknown>) => post('/decode', { embedding_id, ...fields });
  const best = async (fields: Record<string, unknown>) => {
    const { results } = (await (await decode(fields)).json()) as { results: { masks: Mask[] }[] };
    return results[0]?.masks[0] as Mask;
  };
  /** One click after the other, each with the mask that the one before gave. */
  const refine = async (asked: object, input: (mask: Mask) => object) => {
    const masks: Mask[] = [];
    for (const [i] of clicks.entries()) {
      const prompt = { point_coords: clicks.slice(0, i + 1), point_labels: labels.slice(0, i + 1) };
      const last = masks.at(-1);
      const mask = await best({ ...prompt, ...asked, ...(last && { mask_input: input(last) }) });
      masks.push(mask);
    }
    return masks;
  };

  t.test('three clicks with tokens are three clicks with logits', async (t) => {
    const byToken = await refine({ return_logits_token: true, return_logits: true }, (mask) => ({
      token: mask.logits_token,
    }));
    const inline = await refine({ return_logits: true }, (mask) => mask.low_res_logits);
    t.notOk('logits_token' in (inline[0] ?? {}));
    t.equal(new Set(byToken.map((mask) => mask.logits_token)).size, 3);
    for (const [i, { logits_token, ...mask }] of byToken.entries()) {
      t.match(logits_token, /^[\w-]{24}$/);
      t.same(mask, inline[i], `click ${i + 1}, bit for bit`);
    }
  });

  t.test('a mask of the image stands in for its logits', async (t) => {
    const [, , withLogits] = await refine({ return_logits: true }, (mask) => mask.low_res_logits);
    for (const format of ['rle', 'rle_counts', 'png']) {
      const [, , mask] = await refine({ format }, ({ segmentation }) => segmentation);
      const ratio = (mask?.area ?? 0) / (withLogits?.area ?? 1);
      t.ok(ratio > 0.9 && ratio < 1.1, `${format}: ${ratio} of the area`);
    }
  });

  t.test('a token that has been pushed out', async (t) => {
    const point = { point_coords: [clicks[0]], point_labels: [1] };
    const { logits_token } = await best({ ...point, return_logits_token: true });
    const refined = { ...point, mask_input: { token: logits_token } };
    t.equal((await decode(refined)).status, 200);
    // Four masks fill the megabyte, and a lone point has three.
    for (let i = 0; i < 2; i++) await best({ ...point, return_logits_token: true });
    const { errors } = await problem(t, await decode(refined), 404, 'logits-not-found');
    t.match(errors, [{ path: '/mask_input/token', message: /send the logits themselves/ }]);
    await problem(
      t,
      await decode({ ...point, mask_input: { token: 'x' } }),
      404,
      'logits-not-found',
    );
  });

  t.test('a mask input is one thing', async (t) => {
    const [[height, width], counts] = [
      [300, 400],
      [0, 300 * 400],
    ];
    for (const [status, slug, mask_input] of [
      [400, 'invalid-request', {}],
      [400, 'invalid-request', { dtype: 'float32' }],
      [400, 'invalid-request', { token: 'x', png: 'AAAA' }],
      [400, 'invalid-request', { counts }],
      [400, 'invalid-request', { size: [height, width], counts: [-1] }],
      [422, 'prompt-invalid', { size: [width, height], counts }],
      [422, 'prompt-invalid', { size: [height, width], counts: [5] }],
      [422, 'prompt-invalid', { size: [height, width], counts: 'abc' }],
      [422, 'prompt-invalid', { png: 'AAAA' }],
    ] as const) {
      await problem(t, await decode({ mask_input }), status, slug);
    }
    t.equal((await decode({ mask_input: { size: [height, width], counts } })).status, 200);
    const nothing = { size: [height, width], counts: [300 * 400] };
    await problem(t, await decode({ mask_input: nothing }), 422, 'prompt-invalid');
    t.equal((await decode({ mask_input: nothing, box: [9, 9, 99, 99] })).status, 200);
  });
});
