import { bitmapOf, type DecodedMask, Predictor, SamClient, SamProblem } from 'sam-split-client';
import sharp from 'sharp';
import t from 'tap';
import { draw, scene } from '../../fixtures/scenes.js';
import { sharedService } from '../../fixtures/service.js';
import { promptsAbout, testAgreement } from './fixtures/agreement.js';

const NOWHERE = 'file:///nowhere/';

t.test('decoding', async (t) => {
  const { url } = await sharedService(t);
  const client = new SamClient({ url });
  const picture = scene(1);
  // Lies on its side in the file: the frame of prompts and masks is that of the upright image.
  const onItsSide = sharp(await draw(picture)).rotate(90);
  const file = await onItsSide.withMetadata({ orientation: 8 }).png().toBuffer();
  const image = await client.embed(file);
  t.match(image, { model: 'mobile_sam', width: picture.width, height: picture.height });
  const [disc] = picture.shapes as [(typeof picture.shapes)[0]];
  const click = { point_coords: [[...disc.point] as [number, number]], point_labels: [1 as const] };

  await t.test('here gives what the server gives', async (t) => {
    await testAgreement(t, client, image, promptsAbout(disc.point, disc.box));
  });

  await t.test('falls back to the server, and says why', async (t) => {
    const predictor = new Predictor(client, { assets: NOWHERE });
    await t.rejects(predictor.predict(click), /no image is set/);
    await predictor.setImage(image);
    const decision = await predictor.prepared();
    t.match(decision, { place: { runtime: 'server' }, fallback: /nowhere/ });
    const { masks, place, fallback } = await predictor.predict(click);
    t.match({ place, fallback }, decision);
    t.ok(masks.some(({ area }) => Math.abs(area / (Math.PI * 50 ** 2) - 1) < 0.1));

    const stubborn = new Predictor(client, { assets: NOWHERE, decode: 'here' });
    await t.rejects(stubborn.setImage(image), /nowhere/);
  });

  await t.test('moves here as soon as it can', async (t) => {
    const predictor = new Predictor(client, { threads: 1 });
    t.teardown(() => predictor.close());
    await predictor.setImage(image);
    const first = await predictor.predict(click, { logits: false });
    t.match(first, { place: { runtime: 'server' }, fallback: /still/ });
    t.equal(first.masks[0]?.low_res_logits, undefined);
    t.strictSame(await predictor.prepared(), { place: { runtime: 'wasm', threads: 1 } });
    const second = await predictor.predict(click, { logits: false });
    t.strictSame(second.place, { runtime: 'wasm', threads: 1 });
    t.equal(second.fallback, undefined);
    t.equal(second.masks[0]?.low_res_logits, undefined);
    const best = { logits: false, best: true };
    t.strictSame((await predictor.predict(click, best)).masks, second.masks.slice(0, 1));
    const size = { width: Math.ceil(picture.width / 2), height: Math.ceil(picture.height / 2) };
    const [small] = (await predictor.predict(click, { ...best, size })).masks as [DecodedMask];
    t.strictSame(small.segmentation.size, [size.height, size.width], 'in the size it is shown in');
    const [whole] = second.masks as [DecodedMask];
    t.ok(Math.abs((4 * small.area) / whole.area - 1) < 0.02, `${small.area} of ${whole.area}`);

    predictor.decode = 'server';
    t.strictSame(await predictor.prepared(), { place: { runtime: 'server' } });
    const there = await predictor.predict(click, best);
    t.strictSame(there.place, { runtime: 'server' });
    t.strictSame(there.masks, first.masks.slice(0, 1));
  });

  await t.test('refuses a bad prompt alike', async (t) => {
    for (const [prompt, type] of [
      [{ point_coords: [[picture.width + 1, 1]], point_labels: [1] }, 'prompt-invalid'],
      [{ box: [9, 9, 9, 9] }, 'prompt-invalid'],
      [{ point_coords: [[1, 1]], point_labels: [] }, 'invalid-request'],
      [{}, 'invalid-request'],
    ] as const) {
      const predictor = new Predictor(client, { decode: 'server' });
      await predictor.setImage(image);
      const problem = async (promise: Promise<unknown>) => {
        const error = await promise.catch((reason) => reason);
        t.ok(error instanceof SamProblem, type);
        const { status, message, errors } = error as SamProblem;
        return { type: (error as SamProblem).type, status, message, errors };
      };
      const here = await problem(predictor.predict(prompt as object));
      const { embedding_id } = image;
      const there = await problem(client.decode({ embedding_id, ...(prompt as object) }));
      t.strictSame(here, there);
      t.equal(here.type, `/problems/${type}`);
    }
  });

  await t.test('ends when it is aborted', async (t) => {
    const predictor = new Predictor(client, { decode: 'here', threads: 1 });
    t.teardown(() => predictor.close());
    await predictor.setImage(image);
    const running = new AbortController();
    const [aborted, after] = [
      predictor.predict(click, { signal: running.signal }),
      predictor.predict(click),
    ];
    running.abort();
    await t.rejects(aborted, { name: 'AbortError' });
    t.equal((await after).masks.length, 3);
    await t.rejects(predictor.predict(click, { signal: AbortSignal.abort() }), {
      name: 'AbortError',
    });
  });

  await t.test(
    'what still runs when it is closed ends, and the next prompt starts anew',
    async (t) => {
      const predictor = new Predictor(client, { decode: 'here', threads: 1 });
      t.teardown(() => predictor.close());
      await predictor.setImage(image);
      const running = predictor.predict(click);
      predictor.close();
      await t.rejects(running, /closed/);
      t.equal((await predictor.predict(click)).masks.length, 3);
    },
  );

  await t.test('an image that is set while another is on its way takes its place', async (t) => {
    const predictor = new Predictor(client, { decode: 'server' });
    const first = predictor.setImage(file);
    await predictor.setImage(image);
    await t.rejects(first, { name: 'AbortError' });
    t.equal(predictor.image, image);
  });
});

t.test('runs become pixels row by row', async (t) => {
  const pixels = bitmapOf({ size: [2, 3], counts: [1, 2, 2, 1] });
  t.strictSame([...pixels], [0, 1, 0, 1, 0, 1]);
});
