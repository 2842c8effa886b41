import t from 'tap';
import type { Measurement } from '#src/evaluate/measure.js';
import type { MeasuredObject } from '#src/evaluate/measured.js';
import { Worst } from '#src/evaluate/worst.js';

/** An object with this IoU by all protocols but its box. */
function measurement(id: string, iou: number, box: number): Measurement {
  const score = { iou, predicted_iou: 0.5 };
  const clicks = { clicks: [], iou: [iou], predicted_iou: [0.5] };
  const object: MeasuredObject = {
    ...{ id, image: 'a.jpg', area: 9, size: 'small', point: score, oracle: score },
    box: { iou: box, predicted_iou: 0.5, prompt: [0, 0, 3, 3] },
    noisy_box: { ...score, prompt: [0, 0, 3, 3] },
    ...{ clicks, clicks_with_logits: clicks },
  };
  const masks = { point: 'p', oracle: 'o', box: 'b', clicks: 'c', clicks_with_logits: 'l' };
  return { object, masks };
}

t.test('masks are kept of the worst only, the first of equals first', async (t) => {
  const worst = new Worst(2);
  worst.add(measurement('a', 0.5, 0.9));
  worst.add(measurement('b', 0.3, 0.8));
  const { masks } = worst.add(measurement('c', 0.5, 0.7));
  t.strictSame(masks, { box: 'b' });
  worst.add(measurement('d', 0.1, 0.95));
  const ids = (protocol: 'point' | 'box') => worst.of(protocol).map(({ object }) => object.id);
  t.strictSame(ids('point'), ['d', 'b']);
  t.strictSame(ids('box'), ['c', 'b']);
});
