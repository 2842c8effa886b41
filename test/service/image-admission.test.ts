import sharp from 'sharp';
import t from 'tap';
import type { Encoded, ImageLane, PictureMaker } from '#src/core/ports.js';
import { ImageAdmission, PictureAdmission, PixelBudget } from '#src/service/image-admission.js';

/** Lanes whose tasks end when the test says so. */
function slowLanes() {
  const ends: ((error?: Error) => void)[] = [];
  const wait = () =>
    new Promise<never>((resolve, reject) => {
      ends.push((error) => (error ? reject(error) : resolve({} as Encoded as never)));
    });
  const lane: ImageLane = { encode: wait, encodeCrop: wait, retryAfter: 7 };
  const maker: PictureMaker = { draw: wait, retryAfter: 7 };
  return { lane, maker, ends };
}

function png(width: number, height: number): Buffer {
  const file = Buffer.alloc(64);
  file.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  file.writeUInt32BE(width, 16);
  file.writeUInt32BE(height, 20);
  return file;
}

const limits = { maxPixels: 10_000, maxSide: 1000, maxMaskPixels: 5000 };

t.test('what an image declares is enough to turn it away', async (t) => {
  const { lane, ends } = slowLanes();
  const admission = new ImageAdmission(lane, limits, new PixelBudget(100_000));
  for (const [width, height, code, detail] of [
    [0, 10, 'image-unreadable', /no pixels/],
    [10, 0, 'image-unreadable', /no pixels/],
    [1001, 1, 'image-too-large', /1001x1 pixels, more than the 1000 a side/],
    [1, 100_000, 'image-too-large', /1x100000 pixels/],
    [101, 100, 'image-too-large', /more than the 10000 in all/],
    [65_535, 65_535, 'image-too-large', /65535x65535/],
    [2 ** 32 - 1, 2 ** 32 - 1, 'image-too-large', /4294967295x4294967295/],
  ] as const) {
    const message = { code, message: detail };
    await t.rejects(admission.encode(png(width, height)), message, `${width}x${height}`);
  }
  t.equal(ends.length, 0, 'none reached the lane');
});

t.test('pixels are booked until their image is done, well or badly', async (t) => {
  const { lane, maker, ends } = slowLanes();
  const budget = new PixelBudget(15_000);
  const admission = new ImageAdmission(lane, limits, budget);
  const first = admission.encode(png(100, 100));
  const pictures = new PictureAdmission(maker, limits, budget);
  const second = pictures.draw({ kind: 'cutOut', image: png(50, 100), masks: [] });
  t.equal(budget.taken, 15_000);
  const busy = { code: 'overloaded', retryAfter: 7 };
  await t.rejects(admission.encode(png(1, 1)), busy);
  ends[1]?.(new Error('damaged'));
  await t.rejects(second, { message: 'damaged' });
  t.equal(budget.taken, 10_000);
  const unknown = Buffer.from('\xff\xd8\xff\xe0', 'latin1');
  await t.rejects(admission.encode(unknown), busy, 'who hides its size is booked with the most');
  ends[0]?.();
  await first;
  t.equal(budget.taken, 0);
  const small = new ImageAdmission(lane, limits, new PixelBudget(10));
  small.encode(png(100, 100));
  t.equal(ends.length, 3, 'one image is always taken');
});

t.test('masks to be drawn are counted by their pixels', async (t) => {
  const { maker, ends } = slowLanes();
  const admission = new PictureAdmission(maker, limits, new PixelBudget(100_000));
  const overlay = { kind: 'overlay', prompts: [] } as const;
  const image = png(50, 50);
  const masks = [2500, 2500, 1].map((area) => ({ counts: '', area }));
  await t.rejects(admission.draw({ ...overlay, image, masks }), {
    code: 'masks-too-large',
    message: 'the masks have 5001 pixels to draw, more than the 5000 allowed',
  });
  const drawing = admission.draw({ ...overlay, image, masks: masks.slice(0, 2) });
  ends[0]?.();
  await drawing;
});

t.test('the header of a whole file, too', async (t) => {
  const { lane } = slowLanes();
  const admission = new ImageAdmission(lane, limits, new PixelBudget(10));
  const create = { width: 1001, height: 2, channels: 3, background: 'red' } as const;
  const webp = await sharp({ create }).webp().toBuffer();
  await t.rejects(admission.encode(webp), { code: 'image-too-large' });
});
