import { badImages } from '../images.js';
import type { Refusal } from './refusal.js';
import { form, type Sender } from './sender.js';

/** Images that are none, as bytes and in forms. */
export async function images(sender: Sender): Promise<Refusal[]> {
  const bad = await badImages();
  return bad.flatMap(([name, code, file]): Refusal[] => {
    const status = code === 'unsupported-media-type' ? 415 : 422;
    return [
      [name, status, code, () => sender.post('/embed', file, 'image/png')],
      [`${name}, in a form`, status, code, () => sender.post('/embed', form([['image', file]]))],
    ];
  });
}
