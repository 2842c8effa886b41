import t from 'tap';
import { cropBoxes, pointGrid } from '#src/service/point-grid.js';

t.test('a grid of points, row by row, half a step from the edges', async (t) => {
  t.same(pointGrid(2, [0, 0, 40, 20]), [
    [10, 5],
    [30, 5],
    [10, 15],
    [30, 15],
  ]);
  t.same(pointGrid(1, [100, 50, 140, 70]), [[120, 60]], 'in the image, not in the crop');
  t.same(pointGrid(0, [0, 0, 40, 20]), []);
});

t.test('crops, worked out from generate_crop_boxes', async (t) => {
  const image = { width: 1800, height: 1200 };
  t.same(cropBoxes(image, 0, 512 / 1500), [{ box: [0, 0, 1800, 1200], layer: 0 }]);
  const crops = cropBoxes(image, 2, 512 / 1500);
  // Layer 1: overlap int(409.6); width ceil((409 + 1800) / 2), height ceil((409 + 1200) / 2).
  t.same(
    crops.filter(({ layer }) => layer === 1).map(({ box }) => box),
    [
      [0, 0, 1105, 805],
      [0, 396, 1105, 1200],
      [696, 0, 1800, 805],
      [696, 396, 1800, 1200],
    ],
  );
  // Layer 2: overlap int(204.8); width (3 * 204 + 1800) / 4, height (3 * 204 + 1200) / 4.
  const second = crops.filter(({ layer }) => layer === 2).map(({ box }) => box);
  t.equal(second.length, 16);
  t.same(second[0], [0, 0, 603, 453]);
  t.same(second[1], [0, 249, 603, 702], 'down before across');
  t.same(second[15], [1197, 747, 1800, 1200]);
});
