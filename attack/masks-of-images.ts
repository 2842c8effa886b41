import { decompress } from '../src/masks/formats/rle.js';
import { iouOfRuns, runsOf } from '../test/fixtures/bitmap.js';
import { check } from './client.js';
import { SCENE } from './images.js';

/** Segments pictures of one scene, which differ in their format only, and checks that each gets the scene's disc. */
export async function checkMasks(
  url: string,
  images: readonly (readonly [name: string, file: Buffer])[],
): Promise<void> {
  const { width, height, shapes } = SCENE;
  const [disc] = shapes;
  const truth = runsOf(width, height, (x, y) => disc?.inside(x, y) ?? false);
  for (const [name, file] of images) {
    const body = new FormData();
    body.set('image', new Blob([file]), 'image');
    body.set('box', JSON.stringify(disc?.box));
    const response = await fetch(`${url}/segment`, { method: 'POST', body });
    const text = await response.text();
    check(response.status === 200, `${name}: 200, not ${response.status} ${text}`);
    const answer = JSON.parse(text) as {
      width: number;
      height: number;
      results: { masks: { segmentation: { counts: string } }[] }[];
    };
    check(answer.width === width && answer.height === height, `${name}: of its size`);
    const counts = answer.results[0]?.masks[0]?.segmentation.counts ?? '';
    const iou = iouOfRuns(decompress(counts), truth);
    check(iou > 0.9, `${name}: the right mask, not one with an IoU of ${iou.toFixed(3)}`);
  }
}
