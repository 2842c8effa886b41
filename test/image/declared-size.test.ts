import sharp from 'sharp';
import t from 'tap';
import { declaredSize } from '#src/image/declared-size.js';
import { noise } from '../fixtures/pictures.js';

const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } });

t.test('what every format declares is what the decoder finds', async (t) => {
  const files: [name: string, file: Promise<Buffer>][] = [];
  for (const [width, height] of [
    [1, 1],
    [317, 211],
    [16, 900],
  ] as const) {
    const size = `${width}x${height}`;
    const image = () => blank(width, height);
    files.push([`JPEG ${size}`, image().jpeg().toBuffer()]);
    files.push([`progressive JPEG ${size}`, image().jpeg({ progressive: true }).toBuffer()]);
    files.push([
      `JPEG with EXIF and a profile ${size}`,
      image()
        .withExif({ IFD0: { Copyright: 'x'.repeat(500) } })
        .withIccProfile('p3')
        .jpeg()
        .toBuffer(),
    ]);
    files.push([`PNG ${size}`, image().png().toBuffer()]);
    files.push([`palette PNG ${size}`, image().png({ palette: true }).toBuffer()]);
    files.push([`lossy WebP ${size}`, image().webp().toBuffer()]);
    files.push([`lossless WebP ${size}`, image().webp({ lossless: true }).toBuffer()]);
    files.push([`WebP with alpha ${size}`, image().ensureAlpha(0.5).webp().toBuffer()]);
    files.push([`AVIF ${size}`, image().avif({ effort: 0 }).toBuffer()]);
    files.push([
      `AVIF with alpha ${size}`,
      image().ensureAlpha(0.5).avif({ effort: 0 }).toBuffer(),
    ]);
  }
  for (const [name, promise] of files) {
    const file = await promise;
    const { width, height } = await sharp(file).metadata();
    t.same(declaredSize(file), { width, height }, name);
  }
});

t.test('no bytes make it fail or last', async (t) => {
  const random = noise(5);
  const starts = [
    await blank(64, 48).jpeg().toBuffer(),
    await blank(64, 48).png().toBuffer(),
    await blank(64, 48).webp().toBuffer(),
    await blank(64, 48).avif({ effort: 0 }).toBuffer(),
  ];
  for (const start of starts) {
    for (let length = 0; length < 300; length++) declaredSize(start.subarray(0, length));
    for (let round = 0; round < 500; round++) {
      const file = Uint8Array.from(start);
      for (let i = 0; i < 8; i++) {
        file[Math.floor(random() * Math.min(400, file.length))] = 256 * random();
      }
      declaredSize(file);
    }
  }
  // Four million boxes of eight bytes within a meta box, and as many fill bytes.
  const boxes = Buffer.alloc(32 * 2 ** 20);
  for (let at = 32; at + 8 <= boxes.length; at += 8) boxes.writeUInt32BE(8, at);
  boxes.write('\0\0\0\x14ftypavif\0\0\0\0avif', 'latin1');
  boxes.writeUInt32BE(boxes.length - 20, 20);
  boxes.write('meta', 24);
  t.equal(declaredSize(boxes), undefined);
  const fill = Buffer.alloc(32 * 2 ** 20, 0xff);
  fill[1] = 0xd8;
  t.equal(declaredSize(fill), undefined);
});
