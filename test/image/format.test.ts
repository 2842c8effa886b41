import sharp from 'sharp';
import t from 'tap';
import { sniffFormat } from '#src/image/format.js';

const tile = () => sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } });

t.test('accepted formats, by their bytes', async (t) => {
  for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
    const file = await tile().toFormat(format).toBuffer();
    t.equal(sniffFormat(file), format);
    // A view into a larger buffer, as uploads are.
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    t.equal(sniffFormat(shifted.subarray(3)), format);
  }
});

t.test('everything else', async (t) => {
  const others = {
    nothing: Buffer.alloc(0),
    gif: await tile().gif().toBuffer(),
    tiff: await tile().tiff().toBuffer(),
    svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    wav: Buffer.from('RIFF\0\0\0\0WAVEfmt '),
    heic: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
    'a brand cut off': Buffer.from('\0\0\xff\xffftypmif1\0\0\0\0avi'),
    'a short box': Buffer.from('\0\0\0\x08ftyp'),
  };
  for (const [name, file] of Object.entries(others)) t.equal(sniffFormat(file), undefined, name);
});
