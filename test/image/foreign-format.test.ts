import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import t from 'tap';
import { foreignFormat } from '#src/image/foreign-format.js';

const tile = () => sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } });
const bytes = (text: string) => Buffer.from(text, 'latin1');
const movie = (brand: string) => bytes(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1heic`);

t.test('kinds that people send', async (t) => {
  const files: [name: RegExp | undefined, file: Buffer][] = [
    [/^a GIF$/, await tile().gif().toBuffer()],
    [/^a TIFF, or the raw file/, await tile().tiff().toBuffer()],
    [/^a TIFF, or the raw file/, bytes('MM\0*\0\0\0\x08')],
    [/^a TIFF, or the raw file.*CR2/, bytes('II*\0\x10\0\0\0CR\x02\0')],
    [/^a HEIC$/, movie('heic')],
    [/^a HEIC$/, movie('mif1')],
    [/CR3/, movie('crx ')],
    [/^a video/, movie('qt  ')],
    [/^a video/, movie('isom')],
    [/^a JPEG XL$/, bytes('\xff\x0a\0\0')],
    [/^a JPEG XL$/, bytes('\0\0\0\x0cJXL \r\n\x87\n')],
    [/^a JPEG 2000$/, bytes('\0\0\0\x0cjP  \r\n\x87\n')],
    [/^a BMP$/, bytes('BM\x46\0\0\0')],
    [/^a PDF$/, bytes('%PDF-1.7\n')],
    [/PSD/, bytes('8BPS\0\x01')],
    [/ICO/, bytes('\0\0\x01\0\x01\0')],
    [/DICOM/, Buffer.concat([Buffer.alloc(128), bytes('DICM')])],
    [/Content-Encoding: gzip/, gzipSync('x')],
    [/base64/, bytes((await tile().jpeg().toBuffer()).toString('base64'))],
    [/base64/, bytes((await tile().png().toBuffer()).toString('base64'))],
    [/base64/, bytes('data:image/png;base64,iVBO')],
    [/^an SVG$/, bytes('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    [/^an SVG$/, Buffer.from('\ufeff<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1"/>')],
    [/^an SVG$/, bytes('<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]><svg width="9"/>')],
    [/^a web page$/, bytes('\n<!DOCTYPE html><html><body><svg/></body></html>')],
    [undefined, bytes('')],
    [undefined, bytes('hello')],
    [undefined, bytes('<?xml version="1.0"?><svgs/>')],
    [undefined, Buffer.alloc(4096)],
    [undefined, bytes('RIFF\0\0\0\0WAVEfmt ')],
  ];
  for (const [name, file] of files) {
    const found = foreignFormat(file);
    if (name) t.match(found, name);
    else t.equal(found, undefined);
    const shifted = Buffer.concat([Buffer.alloc(5), file]);
    t.equal(foreignFormat(shifted.subarray(5)), found, 'a view into more');
  }
});

t.test('no text takes long', async () => {
  const beginnings = ['<!--', '<?xml ', '<!DOCTYPE svg', ' ', '<!-- --> ', '<?xml> <!-->'];
  for (const each of beginnings) foreignFormat(bytes(each.repeat(1024)));
});
