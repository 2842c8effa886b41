import t from 'tap';
import { nameOf, packed } from '#src/detections/naming.js';

const detection = (
  box: readonly [number, number, number, number],
  label: number,
  score: number,
) => ({
  ...{ box, label, score },
  patch: 0,
});
const labels = ['a car', 'a tree'];

t.test('a mask is called what the best box that fits it is called', async (t) => {
  const boxes = packed([
    detection([0, 0, 10, 10], 0, 0.3),
    detection([0, 0, 10, 12], 1, 0.6),
    detection([0, 0, 10, 30], 0, 0.9),
    detection([0, 0, 10, 10], 0, 0.6),
  ]);
  const names = { labels, boxes, overlap: 0.5 };
  t.same(nameOf([0, 0, 10, 10], names), { label: 'a tree', text_score: 0.6, place: 1 });
  t.same(nameOf([0, 0, 10, 20], names), { label: 'a car', text_score: 0.9, place: 0 });
  t.match(nameOf([0, 0, 10, 12], { ...names, overlap: 0.9 }), { label: 'a tree' });
  t.same(nameOf([0, 0, 10, 11], { ...names, overlap: 0.99 }), { place: 2 }, 'without a name');
  t.same(nameOf([50, 50, 60, 60], names), { place: 2 });
  t.same(nameOf([0, 0, 0, 0], names), { place: 2 }, 'as an empty mask is');
  // An overlap that is equal is not larger: 10 of 20.
  t.same(
    nameOf([0, 0, 20, 5], {
      labels,
      boxes: packed([detection([0, 0, 10, 5], 0, 1)]),
      overlap: 0.5,
    }),
    {
      place: 2,
    },
  );
});

t.test('of a phrase of any length the beginning is answered', async (t) => {
  const boxes = packed([detection([0, 0, 1, 1], 0, 0.5)]);
  const { label } = nameOf([0, 0, 1, 1], { labels: ['a'.repeat(1e6)], boxes, overlap: 0 });
  t.equal(label, 'a'.repeat(100));
});
