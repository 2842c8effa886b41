import sharp from 'sharp';
import t from 'tap';
import { drawOverlay } from '#src/image/pictures/overlay.js';
import { runsOf } from '../../fixtures/bitmap.js';

const grey = (width: number, height: number) => ({
  width,
  height,
  channels: 3 as const,
  data: new Uint8Array(width * height * 3).fill(128),
});

async function decode(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3).subarray(0, 3)];
  return { info, at };
}

t.test('masks, points and boxes are drawn where they are', async (t) => {
  const runs = runsOf(200, 100, (x, y) => x >= 20 && x < 80 && y >= 20 && y < 80);
  const point_coords = [
    [150.5, 30.5],
    [150.5, 70.5],
  ] as const;
  const prompts = [{ point_coords, point_labels: [1, 0] }, { box: [100, 10, 120, 90] as const }];
  const { info, at } = await decode(
    await drawOverlay(grey(200, 100), [Uint32Array.from(runs), Uint32Array.of(20000)], prompts),
  );
  t.match(info, { width: 200, height: 100, channels: 3 });
  t.same(at(5, 5), [128, 128, 128], 'untouched outside');
  t.same(at(50, 50), [84, 135, 185], 'tinted inside: 45 in 100 of (30,144,255)');
  t.same(at(20, 50), [30, 144, 255], 'full colour at the edge');
  t.same(at(79, 50), [30, 144, 255]);
  t.same(at(19, 50), [128, 128, 128]);
  t.same(at(150, 30), [40, 200, 60], 'foreground');
  t.same(at(150, 70), [230, 40, 40], 'background');
  t.same(at(100, 50), [255, 255, 255], 'left side of the box');
  t.same(at(110, 50), [128, 128, 128], 'inside of the box');
});

t.test('what lies at the very edge is drawn as far as there is an image', async (t) => {
  const prompts = [
    { point_coords: [[0, 0] as const, [1, 1] as const], point_labels: [1, 1] },
    { box: [0, 0, 1, 1] as const },
  ];
  const { info } = await decode(
    await drawOverlay(grey(1, 1), [Uint32Array.of(0, 1), Uint32Array.of(1)], prompts),
  );
  t.match(info, { width: 1, height: 1 });
});

t.test('a photograph keeps its opacity, and what is drawn on it has its own', async (t) => {
  // Column by column: left as it is, tinted, in full colour at the edge.
  const [width, height] = [9, 12];
  const pixel = [100, 200, 40, 51];
  const image = { width, height, channels: 4 as const, data: new Uint8Array(width * height * 4) };
  for (let at = 0; at < image.data.length; at += 4) image.data.set(pixel, at);
  const runs = runsOf(width, height, (x) => x >= 3);
  const png = await drawOverlay(image, [Uint32Array.from(runs)], []);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  t.equal(info.channels, 4);
  const at = (x: number, y: number) => [...data.subarray((y * width + x) * 4).subarray(0, 4)];
  t.same(at(1, 5), pixel);
  t.same(at(3, 5), [30, 144, 255, 255], 'the edge hides what is below');
  // A fifth of the photograph below 0.45 of (30,144,255): 0.45 + 0.2 * 0.55 = 0.56 opaque.
  const over = (colour: number, below: number) => Math.round((0.45 * colour + 0.11 * below) / 0.56);
  t.same(at(5, 5), [over(30, 100), over(144, 200), over(255, 40), Math.round(255 * 0.56)]);
});
