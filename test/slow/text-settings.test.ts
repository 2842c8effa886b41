import { join } from 'node:path';
import t, { type Test } from 'tap';
import { idOf, PICTURE } from '../../attack/images.js';
import { fillRandomDetectorFolder } from '../fixtures/detector.js';
import { problem, type Service, startService } from '../fixtures/service.js';

const id = idOf(PICTURE);
const PNG = { 'content-type': 'image/png' };
const text = { embedding_id: id, text: 'a wheel', max_detections: 2, text_threshold: 0 };

function withDetector(t: Test, folder: string, settings: Record<string, string>) {
  return startService(t, { SAM_MODELS_DIR: folder, SAM_TEXT_MODEL: 'small_owl', ...settings });
}

async function shapesOf({ url }: Service): Promise<Record<string, { shape: number[] }>> {
  const about = (await (await fetch(`${url}/embeddings/${id}`)).json()) as {
    tensors: Record<string, { shape: number[] }>;
  };
  return about.tensors;
}

t.test('every image that is embedded is looked at for text, where that is wanted', async (t) => {
  const folder = t.testdir();
  fillRandomDetectorFolder(folder);
  const service = await withDetector(t, folder, { SAM_TEXT: 'embed' });
  await service.post('/embed', PICTURE, PNG);
  t.match(await shapesOf(service), {
    class_embeds: { shape: [64, 64] },
    proposals: { shape: [64, 8] },
  });
  t.equal((await service.post('/decode', text)).status, 200);
});

t.test(
  'a smaller square has fewer patches, and what one made is not taken for the other',
  async (t) => {
    const folder = t.testdir({ cache: {} });
    fillRandomDetectorFolder(folder);
    const SAM_CACHE_DIR = join(folder, 'cache');
    const whole = await withDetector(t, folder, { SAM_CACHE_DIR });
    await whole.post('/embed?text=true', PICTURE, PNG);
    t.match(await shapesOf(whole), { class_embeds: { shape: [64, 64] } });
    await whole.close();
    const small = await withDetector(t, folder, { SAM_CACHE_DIR, SAM_TEXT_SIZE: '32' });
    const answer = await small.post('/decode', text);
    const { detail } = await problem(t, answer, 409, 'embedding-mismatch');
    t.match(detail, /embed\?text=true/);
    t.same(Object.keys(await shapesOf(small)), ['image_embeddings'], 'the embedding itself stays');
    const again = await small.post('/embed?text=true', PICTURE, PNG);
    t.match(await again.json(), { cached: true, timings: { detect_ms: Number } });
    t.match(await shapesOf(small), { class_embeds: { shape: [16, 64] } });
    t.equal((await small.post('/decode', text)).status, 200);
  },
);

t.test('an OWL-ViT finds by text and by example, and tells no objectness', async (t) => {
  const folder = t.testdir();
  fillRandomDetectorFolder(folder, 'owlvit');
  const { post } = await withDetector(t, folder, {});
  await post('/embed?text=true', PICTURE, PNG);
  const found = (await (await post('/decode', text)).json()) as {
    results: { masks: { box: number[] }[] }[];
  };
  const [mask] = found.results[0]?.masks ?? [];
  t.ok(mask);
  const exemplar = { box: mask?.box };
  const like = await post('/decode', { embedding_id: id, exemplar, max_detections: 1 });
  t.equal(like.status, 200);
  const blind = await post('/everything', { embedding_id: id, proposals: 'objectness' });
  const { errors } = await problem(t, blind, 400, 'invalid-request');
  t.match(errors, [{ path: '/proposals', message: /objectness/ }]);
});
