import t from 'tap';
import { PICTURE } from '../../attack/images.js';
import { fillRandomDetectorFolder } from '../fixtures/detector.js';
import { form, startService } from '../fixtures/service.js';

interface Mask {
  readonly segmentation: { readonly counts: string };
  readonly label?: string;
  readonly text_score?: number;
  readonly box?: readonly number[];
  readonly objectness?: number;
}

/** A detector drawn by chance finds nonsense, the same each time: all of the way is there, and no meaning. */
t.test('text, an example, labels and proposals with a small random detector', async (t) => {
  const folder = t.testdir();
  fillRandomDetectorFolder(folder);
  const { post, url } = await startService(t, {
    SAM_MODELS_DIR: folder,
    SAM_TEXT_MODEL: 'small_owl',
  });
  const ask = async (path: string, body: unknown) => {
    const answer = await post(path, body);
    const text = await answer.text();
    t.equal(answer.status, 200, text.slice(0, 300));
    return JSON.parse(text);
  };
  const text = ['a wheel', 'the sky'];
  const few = { max_detections: 3, text_threshold: 0 };
  const first = await ask('/segment', form(PICTURE, { text, ...few }));
  const { embedding_id } = first;
  const masks = first.results.flatMap((result: { masks: Mask[] }) => result.masks) as Mask[];
  t.equal(first.results.length, 2);
  t.ok(masks.length > 0 && masks.length <= 3, `${masks.length} masks`);
  t.ok(masks.every(({ label = '', text_score = 0 }) => text.includes(label) && text_score > 0));
  const prompts = masks.map(({ box }) => ({ box }));
  const plain = await ask('/decode', { embedding_id, prompts });
  t.same(
    plain.results.map((result: { masks: Mask[] }) => result.masks[0]?.segmentation),
    masks.map(({ segmentation }) => segmentation),
    'a mask is that of its box',
  );
  const again = await ask('/decode', { embedding_id, text, ...few });
  t.same(again.results, first.results);
  const exemplar = { box: masks[0]?.box };
  const like = await ask('/decode', { embedding_id, exemplar, ...few });
  t.equal(like.results[0]?.masks[0]?.label, 'exemplar');

  const fields = { proposals: 'objectness', labels: text, max_detections: 4, text_threshold: 0 };
  const lax = { pred_iou_thresh: 0, stability_score_thresh: 0, box_nms_thresh: 1 };
  const all = (await ask('/everything', { embedding_id, ...fields, ...lax })) as { masks: Mask[] };
  t.equal(all.masks.length, 4);
  t.ok(all.masks.every(({ box, objectness = 0 }) => box && objectness > 0));

  const models = (await (await fetch(`${url}/models`)).json()) as { text?: { name: string } };
  t.equal(models.text?.name, 'small_owl');
});
