import house from '../../docs/drawing.svg';
import fruit from './fruit.svg';
import harbour from './harbour.svg';

/** An image to begin with, drawn by hand. */
export interface Sample {
  readonly name: string;
  /** Of the drawing. */
  readonly url: URL;
}

export const SAMPLES: readonly Sample[] = [
  { name: 'House', url: new URL(house, import.meta.url) },
  { name: 'Fruit', url: new URL(fruit, import.meta.url) },
  { name: 'Harbour', url: new URL(harbour, import.meta.url) },
];

/** The drawing as an image file that the service reads. */
export async function drawSample({ url }: Sample): Promise<Blob> {
  const image = new Image();
  image.src = url.href;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  canvas.getContext('2d')?.drawImage(image, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}
