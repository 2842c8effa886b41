import { zipSync } from 'fflate';
import { bitmapOf } from 'sam-split-client';
import { type Exported, type ExportFile, type Origin, stem } from './export.js';

/** The object white on black, of the image's size; of several an archive with one for each. */
export function toMasks(objects: readonly Exported[], origin: Origin): Promise<ExportFile> {
  return fileOrArchive(objects, origin, 'mask', (object) => {
    const { width, height } = origin;
    const pixels = new Uint32Array(width * height).fill(BLACK);
    for (const [i, inside] of bitmapOf(object.mask.segmentation).entries()) {
      if (inside) pixels[i] = WHITE;
    }
    return png(width, height, (context) => put(context, pixels));
  });
}

/** The object itself on transparent ground, of the image's size; of several an archive with one for each. */
export function toCutOuts(objects: readonly Exported[], origin: Origin): Promise<ExportFile> {
  const whole = [0, 0, origin.width, origin.height] as const;
  return fileOrArchive(objects, origin, 'cut-out', (object) => cutOut(object, origin, whole));
}

/** The same of one object, no larger than it is. */
export function toTightCutOut(object: Exported, origin: Origin): Promise<Blob> {
  return cutOut(object, origin, object.mask.bbox);
}

/** As words of RGBA in memory, least significant byte first. */
const WHITE = 0xffffffff;
const BLACK = 0xff000000;

function cutOut(
  { mask }: Exported,
  { bitmap, width, height }: Origin,
  [left, top, wide, high]: readonly [number, number, number, number],
): Promise<Blob> {
  const inside = bitmapOf(mask.segmentation);
  const pixels = new Uint32Array(wide * high);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      if (inside[(top + y) * width + left + x]) pixels[y * wide + x] = WHITE;
    }
  }
  return png(wide, high, (context) => {
    put(context, pixels);
    context.globalCompositeOperation = 'source-in';
    context.drawImage(bitmap, -left, -top, width, height);
  });
}

function put(context: OffscreenCanvasRenderingContext2D, pixels: Uint32Array<ArrayBuffer>): void {
  const { width, height } = context.canvas;
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
  context.putImageData(image, 0, 0);
}

function png(
  width: number,
  height: number,
  draw: (context: OffscreenCanvasRenderingContext2D) => void,
): Promise<Blob> {
  const canvas = new OffscreenCanvas(Math.max(width, 1), Math.max(height, 1));
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser has no canvas');
  draw(context);
  return canvas.convertToBlob({ type: 'image/png' });
}

async function fileOrArchive(
  objects: readonly Exported[],
  origin: Origin,
  kind: string,
  make: (object: Exported) => Promise<Blob>,
): Promise<ExportFile> {
  const [only] = objects;
  const base = stem(origin.name);
  if (objects.length === 1 && only) {
    return { name: `${base}.${kind}.png`, blob: await make(only) };
  }
  const entries: Record<string, Uint8Array> = {};
  for (const [i, object] of objects.entries()) {
    const name = `${String(i + 1).padStart(2, '0')}-${stem(object.name)}.png`;
    entries[name] = new Uint8Array(await (await make(object)).arrayBuffer());
  }
  // PNG files are packed already.
  const archive = zipSync(entries, { level: 0 });
  return { name: `${base}.${kind}s.zip`, blob: new Blob([archive], { type: 'application/zip' }) };
}
