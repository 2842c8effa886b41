import { SamClient } from 'sam-split-client';
import t, { type Test } from 'tap';
import { MASK_FORMATS } from '#src/core/mask.js';
import { decompress } from '#src/masks/formats/rle.js';
import { promptsAbout, testAgreement } from '../clients/typescript/fixtures/agreement.js';
import { iouOfRuns } from '../fixtures/bitmap.js';
import { fillSam2Folder } from '../fixtures/sam2.js';
import { form, type Service, startService } from '../fixtures/service.js';
import {
  type Decode,
  expected,
  expectedMasks,
  greatestDistance,
  photograph,
  sample,
  skip,
} from '../sam/fixtures/sam2-reference.js';

interface Mask {
  readonly segmentation: { readonly counts: string };
  readonly predicted_iou: number;
  readonly area: number;
  readonly low_res_logits: { readonly dtype: string; readonly data: string };
  readonly logits_token: string;
}

type Photograph = 'truck' | 'groceries';

async function start(t: Test, environment: Record<string, string> = {}): Promise<Service> {
  const folder = t.testdir({});
  await fillSam2Folder(folder);
  return startService(t, {
    ...{ SAM_MODELS_DIR: folder, SAM_MODELS: 'small_sam2,mobile_sam' },
    ...environment,
  });
}

async function embed({ post }: Service, name: Photograph): Promise<string> {
  const answer = await post('/embed', form(photograph(name)));
  return ((await answer.json()) as { embedding_id: string }).embedding_id;
}

/** Answers the reference's prompts, and compares each with its masks. @returns the worst of IoUs and scores. */
async function compare(service: Service, name: Photograph, t: Test) {
  const embedding_id = await embed(service, name);
  const { decodes } = expected()[name];
  const masks = expectedMasks(name);
  const handedOut: Mask[][] = [];
  let [worstIou, worstScore] = [1, 0];
  for (const [i, decode] of decodes.entries()) {
    const from = decode.mask_input;
    // Answers are sorted by predicted IoU, the reference's by mask token.
    const earlier = from && handedOut[from.case]?.[from.index];
    const answer = await service.post('/decode', {
      embedding_id,
      return_logits: true,
      prompts: [promptOf(decode, earlier?.low_res_logits)],
    });
    const { results } = (await answer.json()) as { results: { masks: Mask[] }[] };
    const best = decode.iou
      .map((iou, at) => ({ iou, at }))
      .sort((a, b) => b.iou - a.iou)
      .map(({ at }) => at);
    const answered = results[0]?.masks ?? [];
    t.equal(answered.length, decode.returned.length, `${name}, ${decode.kind}: masks`);
    const own: Mask[] = [];
    for (const [rank, at] of best.entries()) own[at] = answered[rank] as Mask;
    handedOut.push(own);
    for (const [at, mask] of own.entries()) {
      const wanted = decompress(masks[i]?.counts[at] as string);
      worstIou = Math.min(worstIou, iouOfRuns(decompress(mask.segmentation.counts), wanted));
      // A share of pixels may be on the other side, as long as masks overlap as much as they have to.
      const area = Math.abs(mask.area - (decode.area?.[at] as number));
      t.ok(area <= 0.005 * mask.area + 9, `${name}, ${decode.kind}: area is off by ${area}`);
      worstScore = Math.max(worstScore, Math.abs(mask.predicted_iou - (decode.iou[at] as number)));
    }
    const logits = own.flatMap(({ low_res_logits: { data } }) => [...floatsOf(data)]);
    const off = greatestDistance(sample(Float32Array.from(logits)), decode.low_res_sample);
    t.ok(off <= 0.1, `${name}, ${decode.kind}: logits differ by ${off}`);
    t.ok(logits.every((logit) => Math.abs(logit) <= 32));
  }
  return { worstIou, worstScore };
}

function promptOf({ point_coords, point_labels, box, multimask_output }: Decode, mask?: object) {
  return {
    ...(point_coords && { point_coords, point_labels }),
    ...(box && { box }),
    ...(mask && { mask_input: mask }),
    multimask_output,
  };
}

function floatsOf(data: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(data, 'base64')).buffer);
}

/** In 16 bits some edges of masks of random weights, which are long and faint, move. */
for (const [dtype, overlap, scores] of [
  ['float32', 0.999, 1e-3],
  ['float16', 0.995, 1e-3],
] as const) {
  t.test(`photographs through HTTP, embeddings in ${dtype}`, { skip }, async (t) => {
    const service = await start(t, { SAM_CACHE_DTYPE: dtype });
    for (const name of ['truck', 'groceries'] as const) {
      const { worstIou, worstScore } = await compare(service, name, t);
      t.ok(worstIou >= overlap, `${name}: masks have an IoU of ${worstIou} at least`);
      t.ok(worstScore <= scores, `${name}: scores differ by ${worstScore} at most`);
      t.comment(`${name}, ${dtype}: IoU ${worstIou}, scores ${worstScore}`);
    }
  });
}

t.test('all that is done with masks', { skip }, async (t) => {
  const service = await start(t, { SAM_CACHE_DTYPE: 'float32' });
  const { url, post } = service;
  const embedding_id = await embed(service, 'groceries');
  const point = { point_coords: [[400, 270]], point_labels: [1] };
  const answer = async (fields: object) => {
    const response = await post('/decode', { embedding_id, ...fields });
    t.equal(response.status, 200);
    return ((await response.json()) as { results: { masks: Mask[] }[] }).results;
  };

  await t.test('all formats', async (t) => {
    for (const format of MASK_FORMATS.filter((format) => format !== 'cutout')) {
      const [result] = await answer({ ...point, format });
      t.equal(result?.masks.length, 3, format);
    }
  });

  await t.test('a batch answers as each prompt alone', async (t) => {
    const { decodes } = expected().groceries;
    const prompts = decodes.filter(({ mask_input }) => !mask_input).map((each) => promptOf(each));
    const together = await answer({ prompts });
    for (const [i, prompt] of prompts.entries()) {
      const [alone] = await answer({ prompts: [prompt] });
      t.same(
        together[i]?.masks.map(({ segmentation }) => segmentation),
        alone?.masks.map(({ segmentation }) => segmentation),
      );
    }
  });

  await t.test('tokens stand for what is handed out', async (t) => {
    const [first] = await answer({ ...point, return_logits: true, return_logits_token: true });
    const [best] = (first?.masks ?? []) as [Mask];
    const { logits_token: token, low_res_logits, segmentation } = best;
    const alone = { multimask_output: false };
    const [byToken] = await answer({ prompts: [{ ...alone, mask_input: { token } }] });
    const [inline] = await answer({ prompts: [{ ...alone, mask_input: low_res_logits }] });
    t.same(byToken?.masks, inline?.masks);
    const [again] = await answer({ prompts: [{ ...point, mask_input: segmentation }] });
    t.equal(again?.masks.length, 1, 'a mask without logits will do');
  });

  await t.test('what /models tells is what the graphs want', async (t) => {
    const answer = await fetch(`${url}/models`);
    const { models } = (await answer.json()) as { models: { name: string }[] };
    t.match(
      models.map(({ name }) => name),
      ['small_sam2', 'mobile_sam'],
    );
    t.match(models[0], {
      ...{ family: 'sam2', resize: 'stretch', logits_limit: 32 },
      prompt: { box: 'first', padding: 'with_points_or_box' },
      everything: { pred_iou_thresh: 0.8, points_per_side: 32 },
    });
    t.match(models[1], { family: 'sam', everything: { pred_iou_thresh: 0.88 } });
  });

  await t.test('downloads', async (t) => {
    const path = `${url}/embeddings/${encodeURIComponent(embedding_id)}`;
    const get = (accept: string) => fetch(path, { headers: { accept } });
    t.match(await (await get('application/json')).json(), {
      shape: [1, 256, 64, 64],
      tensors: { high_res_s0: { shape: [1, 32, 256, 256] } },
    });
    const npy = Buffer.from(await (await get('application/x-npy')).arrayBuffer());
    t.match(npy.toString('latin1', 0, 128), /'shape': \(1, 256, 64, 64\)/);
    const raw = await get('application/octet-stream');
    t.equal(raw.headers.get('x-tensor-names'), 'image_embed,high_res_s0,high_res_s1');
    t.equal(raw.headers.get('x-tensor-shape'), '1,256,64,64;1,32,256,256;1,64,128,128');
    const bytes = Buffer.from(await raw.arrayBuffer());
    t.equal(bytes.length, 16 * 2 ** 20);
    t.ok(bytes.subarray(0, 4 * 2 ** 20).equals(npy.subarray(-4 * 2 ** 20)));
    const whole = Buffer.from(await (await get('application/x-safetensors')).arrayBuffer());
    const header = JSON.parse(whole.toString('utf8', 8, 8 + Number(whole.readBigUInt64LE())));
    t.match(header.high_res_s1, { shape: [1, 64, 128, 128], dtype: 'F32' });
  });

  await t.test('a client that decodes by itself agrees', async (t) => {
    const client = new SamClient({ url });
    const image = await client.embed(photograph('truck'));
    await testAgreement(t, client, image, promptsAbout([500, 375], [425, 600, 700, 875]));
  });

  await t.test('everything mode has its own defaults, and crops', async (t) => {
    const few = { points_per_side: 6, stability_score_thresh: 0.5, box_nms_thresh: 1 };
    const found = async (fields: Record<string, number | string>) => {
      const response = await post('/everything', form(photograph('groceries'), fields));
      return ((await response.json()) as { masks: Mask[] }).masks;
    };
    const own = await found(few);
    const stricter = await found({ ...few, pred_iou_thresh: 0.88 });
    const same = await found({ ...few, pred_iou_thresh: 0.8 });
    t.ok(own.every(({ predicted_iou }) => predicted_iou > 0.8));
    t.same(own, same);
    t.ok(stricter.length <= own.length);
    t.ok((await found({ ...few, pred_iou_thresh: 0.4 })).length > 0, 'there are masks at all');
    const cropped = await found({ ...few, pred_iou_thresh: 0.4, crop_n_layers: 1 });
    t.ok(cropped.length > 0);
    const all = await found({ ...few, points_per_side: 8, pred_iou_thresh: 0.4 });
    const adaptive = await found({
      ...{ ...few, points_per_side: 8, pred_iou_thresh: 0.4 },
      strategy: 'adaptive',
    });
    t.ok(adaptive.length > 0 && adaptive.length < all.length, 'of fewer points fewer masks');
    // Boxes of an IoU of 1 alone are suppressed here, so that nearly all masks stay.
    const texts = new Set(all.map(({ segmentation }) => segmentation.counts));
    const known = adaptive.filter(({ segmentation }) => texts.has(segmentation.counts));
    t.ok(known.length > 0.9 * adaptive.length, 'the same ones');
  });
});
