import sharp from 'sharp';
import t from 'tap';
import { form, startService } from '../fixtures/service.js';

t.setTimeout(600_000);

t.test('images of few pixels have crops, too, and no doubles', async (t) => {
  const { post } = await startService(t);
  for (const [width, height] of [
    [8, 1],
    [2, 2],
  ] as const) {
    const raw = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * 97) % 256));
    const image = await sharp(raw, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const fields = {
      ...{ points_per_side: 4, pred_iou_thresh: 0, stability_score_thresh: 0.1 },
      ...{ crop_n_layers: 2, crop_n_points_downscale_factor: 4, format: 'rle_counts' },
    };
    const answer = await post('/everything', form(image, fields));
    const text = await answer.text();
    t.equal(answer.status, 200, `${width}x${height}: ${text.slice(0, 200)}`);
    if (height > 1) continue;
    const { masks } = JSON.parse(text) as {
      masks: { segmentation: { counts: number[] }; crop_box: number[] }[];
    };
    const distinct = new Set(masks.map(({ segmentation }) => String(segmentation.counts)));
    t.ok(masks.length > 0);
    t.equal(distinct.size, masks.length, 'each mask once');
  }
});
