import t from 'tap';
import { cropBoxes, pointGrid } from '#src/service/everything/point-grid.js';

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

t.test('no crop is without pixels, however short a side is', async (t) => {
  for (let height = 1; height <= 40; height++) {
    for (const width of [1, 2, 8, height, 300]) {
      for (const ratio of [0, 512 / 1500, 1]) {
        for (const layers of [1, 2, 3]) {
          const crops = cropBoxes({ width, height }, layers, ratio);
          const whole = crops.every(
            ({ box: [x1, y1, x2, y2] }) =>
              x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= width && y2 <= height,
          );
          if (!whole) t.fail(`${width}x${height}, ${layers} layers that overlap by ${ratio}`);
          for (let layer = 1; layer <= layers; layer++) {
            const own = crops.filter((crop) => crop.layer === layer);
            if (!covers(own, width, height)) t.fail(`layer ${layer} of ${width}x${height}`);
          }
        }
      }
    }
  }
});

/** Whether every pixel is in a crop. */
function covers(crops: ReturnType<typeof cropBoxes>, width: number, height: number): boolean {
  const seen = new Set<number>();
  for (const { box } of crops) {
    for (let y = box[1]; y < box[3]; y++) {
      for (let x = box[0]; x < box[2]; x++) seen.add(y * width + x);
    }
  }
  return seen.size === width * height;
}
