/** How files of other kinds begin: at a place, bytes written as Latin-1. */
const BEGINNINGS: readonly (readonly [name: string, at: number, bytes: string])[] = [
  ['a GIF', 0, 'GIF8'],
  // Camera files of Canon, Nikon, Sony and Adobe are laid out as TIFF.
  ['a TIFF, or the raw file of a camera (CR2, NEF, ARW, DNG)', 0, 'II*\0'],
  ['a TIFF, or the raw file of a camera (CR2, NEF, ARW, DNG)', 0, 'MM\0*'],
  ['a TIFF', 0, 'II+\0'],
  ['a TIFF', 0, 'MM\0+'],
  ['the raw file of a camera (RW2)', 0, 'IIU\0'],
  ['the raw file of a camera (ORF)', 0, 'IIRO'],
  ['the raw file of a camera (ORF)', 0, 'IIRS'],
  ['the raw file of a camera (ORF)', 0, 'MMOR'],
  ['the raw file of a camera (RAF)', 0, 'FUJIFILMCCD-RAW'],
  ['a JPEG XL', 0, '\xff\x0a'],
  ['a JPEG XL', 0, '\0\0\0\x0cJXL \r\n\x87\n'],
  ['a JPEG 2000', 0, '\0\0\0\x0cjP  \r\n\x87\n'],
  ['a JPEG 2000', 0, '\xff\x4f\xff\x51'],
  ['a Photoshop file (PSD)', 0, '8BPS'],
  ['a PDF', 0, '%PDF-'],
  ['PostScript', 0, '%!PS'],
  ['an icon (ICO)', 0, '\0\0\x01\0'],
  ['an icon (CUR)', 0, '\0\0\x02\0'],
  ['an OpenEXR', 0, '\x76\x2f\x31\x01'],
  ['a Radiance HDR', 0, '#?RADIANCE'],
  ['a QOI', 0, 'qoif'],
  ['a DICOM', 128, 'DICM'],
  ['a NumPy array', 0, '\x93NUMPY'],
  ['an archive (ZIP)', 0, 'PK\x03\x04'],
  ['packed with gzip (say so with Content-Encoding: gzip)', 0, '\x1f\x8b'],
  ['text in base64 (it goes into JSON, as {"image":{"base64":"…"}})', 0, 'data:image/'],
  ['text in base64 (it goes into JSON, as {"image":{"base64":"…"}})', 0, '/9j/'],
  ['text in base64 (it goes into JSON, as {"image":{"base64":"…"}})', 0, 'iVBORw0KGgo'],
  ['a BMP', 0, 'BM'],
];

/** Major brands of ISO base media files that are no AVIF; any other is a video. */
const BRANDS: readonly (readonly [name: string, brands: readonly string[]])[] = [
  ['a HEIC', ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs', 'mif1', 'msf1']],
  ['the raw file of a camera (CR3)', ['crx ']],
];

/** How text begins that may be an SVG, which has its first element behind what may stand before it. */
const MARKUP = /^\s*<(svg|\?xml|!--|!doctype svg)/i;
const SVG = /<svg[\s/>]/i;
const HTML = /^\s*<(html|!doctype html)/i;
const TEXT_BYTES = 1024;

/**
 * What a file is that is none of the accepted images, with its article, so that a client may be told.
 * @returns undefined where its first bytes do not say.
 */
export function foreignFormat(file: Uint8Array): string | undefined {
  const head = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, TEXT_BYTES));
  if (head.toString('latin1', 4, 8) === 'ftyp') {
    const brand = head.toString('latin1', 8, 12);
    return BRANDS.find(([, brands]) => brands.includes(brand))?.[0] ?? 'a video (MP4, MOV)';
  }
  for (const [name, at, bytes] of BEGINNINGS) {
    if (head.toString('latin1', at, at + bytes.length) === bytes) return name;
  }
  const text = head.toString('utf8').replace(/^\ufeff/, '');
  if (MARKUP.test(text) && SVG.test(text)) return 'an SVG';
  return HTML.test(text) ? 'a web page' : undefined;
}
