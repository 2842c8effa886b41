import sharp from 'sharp';
import t from 'tap';
import { decompress, toImage } from '#src/masks/formats/rle.js';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

interface Mask {
  readonly segmentation: { readonly counts: string };
  readonly predicted_iou: number;
  readonly area: number;
  readonly low_res_logits?: { dtype: string; data: string };
}
interface Answer {
  readonly embedding_id: string;
  readonly results: { masks: Mask[] }[];
}

t.test('image and prompts in one call', async (t) => {
  const { post } = await sharedService(t);
  const { width, height, shapes } = scene(1);
  const picture = await draw({ width, height, shapes });
  const [disc] = shapes;
  const prompt = { point_coords: [disc?.point], point_labels: [1] };

  const json = (await (await post('/segment', form(picture, prompt))).json()) as Answer;
  const masks = json.results[0]?.masks ?? [];
  t.equal(masks.length, 3, 'a lone point is ambiguous');

  t.test('answers as /decode does', async (t) => {
    const decoded = await post('/decode', { embedding_id: json.embedding_id, ...prompt });
    t.same(((await decoded.json()) as Answer).results, json.results);
  });

  t.test('in JSON', async (t) => {
    // Large enough for its base64 to stay bytes, as that of the mask input would be.
    for (const file of [picture, Buffer.concat([picture, Buffer.alloc(300_000)])]) {
      const image = { base64: file.toString('base64') };
      const answer = (await (await post('/segment', { image, ...prompt })).json()) as Answer;
      t.same(answer.results, json.results);
      const mask_input = { dtype: 'float32', data: Buffer.alloc(4 * 65536).toString('base64') };
      for (const body of [
        { ...prompt, mask_input, image },
        { image, ...prompt, mask_input },
      ]) {
        const refined = await post('/segment', body);
        t.equal(refined.status, 200, (await refined.text()).slice(0, 300));
      }
      const picked = await post('/segment', { image, ...prompt }, { accept: 'image/png' });
      t.equal(picked.headers.get('content-type'), 'image/png');
    }
    for (const [body, path] of [
      [{ ...prompt }, '/image'],
      [{ image: 'AAAA', ...prompt }, '/image'],
      [{ image: { base64: '%%%' }, ...prompt }, '/image/base64'],
    ] as const) {
      const response = await post('/segment', body);
      const { errors } = await problem(t, response, 400, 'invalid-request');
      t.match(errors, [{ path }]);
    }
  });

  t.test('the best mask as a file', async (t) => {
    const response = await post('/segment', form(picture, prompt), { accept: 'image/png' });
    t.equal(response.headers.get('content-type'), 'image/png');
    t.equal(Number(response.headers.get('x-predicted-iou')), masks[0]?.predicted_iou);
    t.equal(response.headers.get('x-embedding-id'), json.embedding_id);
    const file = Buffer.from(await response.arrayBuffer());
    const pixels = await sharp(file).toColourspace('b-w').raw().toBuffer();
    const counts = decompress(masks[0]?.segmentation.counts ?? '');
    t.ok(pixels.equals(toImage(counts, { width, height })));
  });

  t.test('the photograph with the mask on it', async (t) => {
    const response = await post('/segment?overlay=1', form(picture, prompt));
    const overlay = await sharp(Buffer.from(await response.arrayBuffer()))
      .raw()
      .toBuffer();
    const original = await sharp(picture).raw().toBuffer();
    const inside = toImage(decompress(masks[0]?.segmentation.counts ?? ''), { width, height });
    const changed = inside.filter((value, i) => value && overlay[3 * i] !== original[3 * i]).length;
    const area = masks[0]?.area ?? 0;
    t.ok(changed > 0.95 * area, `${changed} of ${area} pixels are tinted`);
    t.same(overlay.subarray(-30), original.subarray(-30), 'the far corner is not');
    const bare = await post('/segment?overlay=1', form(picture));
    t.equal(bare.headers.get('x-embedding-id'), json.embedding_id);
    const pixels = await sharp(Buffer.from(await bare.arrayBuffer()))
      .raw()
      .toBuffer();
    t.ok(pixels.equals(original), 'and nothing is where nothing was asked');
  });

  t.test('prompts in order, each with its own mask count', async (t) => {
    // Of different numbers of tokens, so they run in three batches.
    const prompts = shapes.flatMap(({ point, box }) => [
      { box },
      { point_coords: [point], point_labels: [1] },
      { point_coords: [point, [1, 1], [399, 1]], point_labels: [1, 0, 0] },
    ]);
    const many = (await (await post('/segment', form(picture, { prompts }))).json()) as Answer;
    t.same(
      many.results.map((result) => result.masks.length),
      shapes.flatMap(() => [1, 3, 1]),
    );
    for (const [i, one] of prompts.entries()) {
      const decoded = await post('/decode', { embedding_id: json.embedding_id, ...one });
      const [alone] = ((await decoded.json()) as Answer).results;
      for (const [m, mask] of (many.results[i]?.masks ?? []).entries()) {
        const other = alone?.masks[m];
        // The order of additions in a batch moves the last bits.
        t.ok(Math.abs(mask.predicted_iou - (other?.predicted_iou ?? 0)) < 1e-4, `prompt ${i}`);
        t.ok(Math.abs(mask.area - (other?.area ?? 0)) <= 0.001 * mask.area + 2, `prompt ${i}`);
      }
    }
  });

  t.test('logits come back as a mask input', async (t) => {
    const asked = { embedding_id: json.embedding_id, ...prompt, return_logits: true };
    for (const logits_dtype of ['float32', 'float16']) {
      const first = (await (await post('/decode', { ...asked, logits_dtype })).json()) as Answer;
      const best = first.results[0]?.masks[0];
      t.equal(best?.low_res_logits?.dtype, logits_dtype);
      const refined = await post('/decode', {
        embedding_id: json.embedding_id,
        ...prompt,
        mask_input: best?.low_res_logits,
      });
      const { results } = (await refined.json()) as Answer;
      t.equal(results[0]?.masks.length, 1, 'no longer ambiguous');
      const ratio = (results[0]?.masks[0]?.area ?? 0) / (best?.area ?? 1);
      t.ok(ratio > 0.9 && ratio < 1.1, `the same object: ${ratio} of its area`);
    }
  });

  t.test('formats hold the same mask', async (t) => {
    const decode = async (format: string) => {
      const body = { embedding_id: json.embedding_id, box: disc?.box, format };
      const { results } = (await (await post('/decode', body)).json()) as {
        results: { masks: { segmentation: { counts: string & number[]; png: string } }[] }[];
      };
      return results[0]?.masks[0]?.segmentation;
    };
    const counts = (await decode('rle_counts'))?.counts as number[];
    t.same(decompress((await decode('rle'))?.counts as string), counts);
    const file = Buffer.from((await decode('png'))?.png ?? '', 'base64');
    const pixels = await sharp(file).toColourspace('b-w').raw().toBuffer();
    t.ok(pixels.equals(toImage(counts, { width, height })));
  });

  t.test('shapes whose pixels are known', async (t) => {
    for (const [name, scale] of [
      ['enlarged', 1],
      ['shrunk', 4],
    ] as const) {
      const { width, height, shapes } = scene(scale);
      const picture = await draw({ width, height, shapes });
      const prompts = shapes.flatMap(({ point, box }) => [
        { point_coords: [point], point_labels: [1] },
        { box },
        { point_coords: [point], point_labels: [1], box },
      ]);
      const response = await post('/segment', form(picture, { prompts }));
      const { results } = (await response.json()) as Answer;
      t.equal(results.length, prompts.length);
      for (const [i, shape] of shapes.entries()) {
        const truth = runsOf(width, height, shape.inside);
        for (const [p, kind] of ['point', 'box', 'point and box'].entries()) {
          const masks = results[3 * i + p]?.masks ?? [];
          t.equal(masks.length, kind === 'point' ? 3 : 1);
          // A lone point is ambiguous by design: one of its three masks has to be the shape.
          const iou = Math.max(
            ...masks.map(({ segmentation }) => iouOfRuns(decompress(segmentation.counts), truth)),
          );
          t.ok(iou >= 0.9, `${name}, ${shape.name}, ${kind}: IoU ${iou.toFixed(3)}`);
        }
      }
    }
  });
});
