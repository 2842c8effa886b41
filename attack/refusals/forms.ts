import { multipart, part } from '../../test/fixtures/multipart.js';
import { PICTURE } from '../images.js';
import { MOST_BYTES } from './limits.js';
import type { Refusal } from './refusal.js';
import { form, type Sender } from './sender.js';

const BAD = 'invalid-request';
const MALFORMED = 'malformed-request';

/** Forms that are broken, or whose fields are not those of the route. */
export function forms(sender: Sender): Refusal[] {
  const image = part('name="image"; filename="a"', 'abc');
  const embed = (body: Uint8Array | string) => sender.multipart('/embed', body);
  const segment = (name: string, value: string) =>
    sender.multipart('/segment', multipart(image, part(`name="${name}"`, value)));
  const photo = ['photo', PICTURE] as const;
  const picture = ['image', PICTURE] as const;
  const deep = '['.repeat(10_000) + ']'.repeat(10_000);
  return [
    ['no boundary', 400, MALFORMED, () => sender.post('/embed', 'x', 'multipart/form-data')],
    ['a form cut off', 400, MALFORMED, () => embed(image)],
    ['half a part header', 400, MALFORMED, () => embed('--edge\r\nContent-Disposition: form-da')],
    ['an empty form', 400, BAD, () => embed(multipart())],
    ['an image that is no file', 400, BAD, () => embed(multipart(part('name="image"', 'abc')))],
    ['two files', 400, BAD, () => sender.post('/embed', form([picture, picture]))],
    ['a file by another name alone', 400, BAD, () => sender.post('/embed', form([photo]))],
    [
      'a file by another name beside the image',
      400,
      BAD,
      () => sender.post('/segment', form([picture, photo])),
    ],
    [
      'too many bytes in a form',
      413,
      'payload-too-large',
      () => sender.post('/embed', form([['image', new Uint8Array(MOST_BYTES + 1)]])),
    ],
    [
      'an unknown field in a form',
      400,
      BAD,
      () => sender.post('/embed', form([picture], { x: 1 })),
    ],
    [
      '__proto__ in a form',
      400,
      MALFORMED,
      () => embed(multipart(image, part('name="__proto__"', '{}'))),
    ],
    ['__proto__ in a field', 400, MALFORMED, () => segment('prompts', '[{"__proto__":{}}]')],
    ['a field too deep', 400, MALFORMED, () => segment('box', deep)],
    ['a field of JSON cut off', 400, BAD, () => segment('box', '[1,2')],
    ['a field that is not JSON', 400, BAD, () => segment('box', '40,40,200,200')],
    ['a form without a prompt', 400, BAD, () => sender.post('/segment', form([picture]))],
  ];
}
