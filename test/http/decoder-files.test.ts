import { createHash } from 'node:crypto';
import { InferenceSession, Tensor } from 'onnxruntime-web';
import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

interface Answer {
  readonly results: { masks: { predicted_iou: number; low_res_logits: { data: string } }[] }[];
}

/** Little-endian floats in base64, as `low_res_logits` travels. */
function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

t.test('a client decodes by itself, in the WebAssembly that browsers run', async (t) => {
  const { url, post } = await sharedService(t);
  const picture = scene(1);
  const embedded = await post('/embed', form(await draw(picture)));
  const { embedding_id } = (await embedded.json()) as { embedding_id: string };
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(url + path, { headers });
  const download = async (path: string) =>
    new Uint8Array(await (await get(path, { accept: 'application/octet-stream' })).arrayBuffer());

  const open = async (path: string) =>
    InferenceSession.create(await download(path), { executionProviders: ['wasm'] });
  const embedding = new Float32Array((await download(`/embeddings/${embedding_id}`)).buffer);
  const context = await (await open('/models/mobile_sam/context.onnx')).run({
    image_embeddings: new Tensor('float32', embedding, [1, 256, 64, 64]),
  });

  const [disc] = picture.shapes;
  const point = disc?.point ?? [0, 0];
  const scale = 1024 / Math.max(picture.width, picture.height);
  const click = {
    ...context,
    point_coords: new Tensor('float32', [...point.map((v) => v * scale), 0, 0], [1, 2, 2]),
    point_labels: new Tensor('float32', [1, -1], [1, 2]),
    multimask_output: new Tensor('bool', [true], [1]),
  };
  const mine = await (await open('/models/mobile_sam/decoder.onnx')).run(click);

  const asked = { embedding_id, point_coords: [point], point_labels: [1], return_logits: true };
  const served = async (body: object) => {
    const { results } = (await (await post('/decode', body)).json()) as Answer;
    return results[0]?.masks ?? [];
  };
  /** Largest difference between the served masks, best first, and those of an answer in the model's order. */
  const differ = (masks: Answer['results'][0]['masks'], answer: Record<string, Tensor>) => {
    const data = (name: string) => answer[name]?.data as Float32Array;
    const [logits, iou] = [data('low_res_masks'), [...data('iou_predictions')]];
    const best = [...iou.keys()].sort((a, b) => (iou[b] as number) - (iou[a] as number));
    let greatest = 0;
    for (const [rank, { predicted_iou, low_res_logits }] of masks.entries()) {
      const at = best[rank] as number;
      greatest = Math.max(greatest, Math.abs(predicted_iou - (iou[at] as number)));
      for (const [i, logit] of floats(low_res_logits.data).entries()) {
        greatest = Math.max(greatest, Math.abs(logit - (logits[at * 65536 + i] as number)));
      }
    }
    return greatest;
  };
  const first = await served(asked);
  t.equal(first.length, 3);
  t.ok(differ(first, mine) <= 1e-3, `differs by ${differ(first, mine)}`);

  const mask_input = first[0]?.low_res_logits;
  const refined = await (await open('/models/mobile_sam/decoder.onnx?mask_input=1')).run({
    ...click,
    multimask_output: new Tensor('bool', [false], [1]),
    mask_input: new Tensor('float32', floats(mask_input?.data ?? ''), [1, 1, 256, 256]),
  });
  const second = await served({ ...asked, mask_input });
  t.equal(second.length, 1);
  t.ok(differ(second, refined) <= 1e-3, `differs by ${differ(second, refined)}`);

  t.test('with a strong ETag', async (t) => {
    const tags = [];
    for (const path of ['context.onnx', 'decoder.onnx', 'decoder.onnx?mask_input=1']) {
      const response = await get(`/models/mobile_sam/${path}`);
      const sha256 = createHash('sha256').update(Buffer.from(await response.arrayBuffer()));
      const etag = response.headers.get('etag') ?? '';
      t.equal(etag, `"${sha256.digest('hex')}"`);
      const again = await get(`/models/mobile_sam/${path}`, { 'if-none-match': etag });
      t.equal(again.status, 304);
      t.equal(await again.text(), '');
      tags.push(etag);
    }
    t.equal(new Set(tags).size, 3);
  });

  t.test('of a model that is there, and asked for correctly', async (t) => {
    await problem(t, await get('/models/other/decoder.onnx'), 404, 'not-found');
    await problem(t, await get('/models/mobile_sam/encoder.onnx'), 404, 'not-found');
    const odd = await get('/models/mobile_sam/decoder.onnx?mask_input=yes');
    await problem(t, odd, 400, 'invalid-request');
    await problem(t, await get('/models/mobile_sam/context.onnx?x=1'), 400, 'invalid-request');
  });
});
