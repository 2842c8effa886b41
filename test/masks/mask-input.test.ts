import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import t from 'tap';
import { encodePng } from '#src/masks/formats/png.js';
import { compress } from '#src/masks/formats/rle.js';
import { readMaskInput } from '#src/masks/mask-input.js';
import { postprocessMask } from '#src/masks/postprocess.js';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { pngChunk, unpackingChunks, withChunks } from '../fixtures/bombs.js';
import { drawnMasks } from '../fixtures/masks.js';

const FRAME = { side: 1024, resize: 'longest_side' } as const;
const path = '/mask_input';

for (const [width, height] of [
  [1800, 1200],
  [534, 800],
  [200, 150],
] as const) {
  t.test(`a mask of ${width}x${height} comes back from its logits`, async (t) => {
    const image = { width, height };
    const [cx, cy, radius] = [width / 2, height / 3, height / 4];
    const counts = runsOf(width, height, (x, y) => Math.hypot(x - cx, y - cy) < radius);
    const size = [height, width] as const;
    const png = (await encodePng(counts, image)).toString('base64');
    const canvas = { raw: { width, height, channels: 4 } } as const;
    const cutout = new Uint8Array(width * height * 4).fill(200);
    for (let i = 0; i < width * height; i++) {
      const inside = Math.hypot((i % width) - cx, Math.floor(i / width) - cy) < radius;
      cutout[4 * i + 3] = inside ? 255 : 0;
    }
    const inputs = {
      rle: { size, counts: compress(counts) },
      rle_counts: { size, counts },
      png: { png },
      cutout: { png: (await sharp(cutout, canvas).png().toBuffer()).toString('base64') },
    };
    const first = await readMaskInput(inputs.rle, image, FRAME, path);
    const again = postprocessMask(first, image, FRAME);
    const iou = iouOfRuns(again.counts, counts);
    t.ok(iou > 0.97, `IoU ${iou}`);
    t.ok(
      first.every((logit) => Math.abs(logit) < 7),
      'of a size that logits have',
    );
    for (const [name, input] of Object.entries(inputs)) {
      const logits = await readMaskInput(input, image, FRAME, path);
      t.ok(
        logits.every((logit, i) => logit === first[i]),
        name,
      );
    }
  });
}

t.test('every drawn mask can be a mask input', async (t) => {
  for (const { name, width, height, counts } of drawnMasks()) {
    const input = { size: [height, width] as const, counts };
    const logits = await readMaskInput(input, { width, height }, FRAME, path);
    const inside = counts.some((count, i) => i % 2 && count > 0);
    t.equal(
      logits.some((logit) => logit > -6),
      inside,
      name,
    );
  }
});

t.test('what is no mask of the image', async (t) => {
  const image = { width: 30, height: 20 };
  const other = (await encodePng([600], { width: 20, height: 30 })).toString('base64');
  const cut = (await encodePng([600], image)).subarray(0, 50).toString('base64');
  const size = [20, 30] as const;
  const bad = [
    { size: [30, 20] as const, counts: [600] },
    { size, counts: [599] },
    { size, counts: [700, -100] },
    { size, counts: [0.5, 599.5] },
    { size, counts: '' },
    { size, counts: 'oooooooooooooooo' },
    { size, counts: '\u0000ÿ☃' },
    { png: other },
    { png: cut },
    { png: 'AAAA' },
    { png: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64') },
  ];
  for (const input of bad) {
    await t.rejects(readMaskInput(input, image, FRAME, path), { code: 'prompt-invalid' });
  }
});

t.test('what a PNG packs beside its pixels is never unpacked', async (t) => {
  const image = { width: 64, height: 48 };
  const counts = runsOf(64, 48, (x, y) => x > y);
  const png = await encodePng(counts, image);
  const plain = await readMaskInput({ png: png.toString('base64') }, image, FRAME, path);
  // 6 GB in all, if it were.
  const chunks = Array<Buffer[]>(100).fill(unpackingChunks(20)).flat();
  const bomb = withChunks(png, ...chunks).toString('base64');
  const before = process.resourceUsage().maxRSS;
  t.same(await readMaskInput({ png: bomb }, image, FRAME, path), plain);
  t.ok(process.resourceUsage().maxRSS - before < 100_000, 'kilobytes');
});

t.test('a PNG that is larger than its pixels can be is none', async (t) => {
  const image = { width: 4, height: 4 };
  const png = await encodePng(
    runsOf(4, 4, (x) => x > 1),
    image,
  );
  const data = pngChunk('IDAT', Buffer.alloc(2 ** 18));
  const padded = Buffer.concat([png.subarray(0, -12), data, png.subarray(-12)]);
  const refusal = { code: 'prompt-invalid', message: /must be base64 of a PNG of 4x4 pixels/ };
  await t.rejects(readMaskInput({ png: padded.toString('base64') }, image, FRAME, path), refusal);
});

t.test('a PNG in whatever way its makers say what is inside', async (t) => {
  const image = { width: 40, height: 30 };
  const { width, height } = image;
  const inside = (i: number) => Math.hypot((i % width) - 15, Math.floor(i / width) - 12) < 9;
  const counts = runsOf(width, height, (x, y) => inside(y * width + x));
  const plain = await readMaskInput({ size: [height, width], counts }, image, FRAME, path);
  const raw = (channels: 1 | 2 | 3 | 4, colours: (i: number) => readonly number[]) => {
    const pixels = Array.from({ length: width * height }, (_, i) => colours(i)).flat();
    return sharp(Uint8Array.from(pixels), { raw: { width, height, channels } });
  };
  const sixteen = (on: number) => {
    const pixels = Uint16Array.from({ length: width * height }, (_, i) => (inside(i) ? on : 0));
    const raw = { width, height, channels: 1 } as const;
    return sharp(pixels, { raw }).toColourspace('grey16').png().toBuffer();
  };
  const grey = (on: number) =>
    raw(1, (i) => [inside(i) ? on : 0])
      .toColourspace('b-w')
      .png()
      .toBuffer();
  const colours = (on: readonly number[], off: readonly number[]) =>
    raw(on.length as 2 | 3 | 4, (i) => (inside(i) ? on : off))
      .png()
      .toBuffer();
  const files: [name: string, file: Buffer][] = [
    ['grey', await grey(255)],
    ['zeros and ones', await grey(1)],
    ['classes', await grey(3)],
    ['16 bits', await sixteen(65535)],
    ['16 bits, zeros and ones', await sixteen(1)],
    ['16 bits of which 8 are used', await sixteen(255)],
    [
      'white on black, opaque, as a canvas has it',
      await colours([255, 255, 255, 255], [0, 0, 0, 255]),
    ],
    ['dark blue on black, opaque', await colours([0, 0, 1, 255], [0, 0, 0, 255])],
    ['red on black', await colours([255, 0, 0], [0, 0, 0])],
    ['black on nothing', await colours([0, 0, 0, 255], [255, 255, 255, 0])],
    ['red on nothing, half opaque', await colours([255, 0, 0, 128], [0, 0, 0, 0])],
    [
      'a palette of classes',
      indexed(image, inside, [
        [0, 0, 0],
        [128, 0, 0],
      ]),
    ],
    [
      'a palette of colours',
      indexed(image, inside, [
        [255, 255, 255],
        [0, 90, 0],
      ]),
    ],
    [
      'a palette of two greys',
      indexed(image, inside, [
        [0, 0, 0],
        [255, 255, 255],
      ]),
    ],
    [
      'a palette of greys of which two are used',
      indexed(image, inside, [
        [0, 0, 0],
        [1, 1, 1],
        [255, 255, 255],
      ]),
    ],
    [
      'a palette of which white is the first',
      indexed(image, (i) => !inside(i), [
        [255, 255, 255],
        [0, 0, 0],
      ]),
    ],
  ];
  for (const [name, file] of files) {
    for (const head of ['', 'data:image/png;base64,']) {
      const png = head + file.toString('base64');
      const logits = await readMaskInput({ png }, image, FRAME, path, true);
      t.ok(Buffer.from(logits.buffer).equals(Buffer.from(plain.buffer)), name);
    }
  }
});

t.test('a mask with nothing inside does not stand alone', async (t) => {
  const image = { width: 30, height: 20 };
  const canvas = { raw: { width: 30, height: 20, channels: 4 } } as const;
  const clear = await sharp(new Uint8Array(2400), canvas).png().toBuffer();
  const black = await sharp(new Uint8Array(1800), { raw: { ...canvas.raw, channels: 3 } })
    .png()
    .toBuffer();
  const size = [20, 30] as const;
  const inputs = [
    { size, counts: [600] },
    { size, counts: [300, 0, 300] },
    { size, counts: compress([600]) },
    { png: clear.toString('base64') },
    { png: black.toString('base64') },
  ];
  const refusal = { code: 'prompt-invalid', message: /^\/mask_input has no pixel inside/ };
  for (const input of inputs) {
    await t.rejects(readMaskInput(input, image, FRAME, path, true), refusal);
    t.ok((await readMaskInput(input, image, FRAME, path)).every((logit) => logit < -6));
  }
});

/** A PNG of 8 bits whose pixels are numbers of colours: 1 inside and 0 outside. */
function indexed(
  { width, height }: { width: number; height: number },
  inside: (i: number) => boolean,
  palette: readonly (readonly number[])[],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  const rows = Array.from({ length: height }, (_, y) => [
    0,
    ...Array.from({ length: width }, (_, x) => (inside(y * width + x) ? 1 : 0)),
  ]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('PLTE', Buffer.from(palette.flat())),
    pngChunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}
