import { createHash } from 'node:crypto';
import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { problem, sharedService } from '../fixtures/service.js';

const picture = await draw(scene(1));
/** Large enough for its base64 to stay bytes: what follows the end of a file is not looked at. */
const large = Buffer.concat([picture, Buffer.alloc(2_000_000, 'x')]);

t.test('an image in JSON, however its base64 is written', async (t) => {
  const { post } = await sharedService(t);
  const json = { 'content-type': 'application/json' };
  for (const file of [picture, large]) {
    const base64 = file.toString('base64');
    const id = `mobile_sam:${createHash('sha256').update(file).digest('hex')}`;
    const ways = {
      plain: base64,
      'a data URI': `data:image/png;base64,${base64}`,
      'in lines': base64.replace(/.{76}/g, '$&\\r\\n'),
      'with every other a space': base64.replace(/./g, '$& '),
      'without padding': base64.replace(/=+$/, ''),
      'with escaped slashes': base64.replaceAll('/', '\\/'),
      'with escaped pluses': base64.replaceAll('+', '\\u002B'),
    };
    for (const [way, text] of Object.entries(ways)) {
      const answer = await post('/embed', `{"image":{"base64":"${text}"}}`, json);
      t.match(await answer.json(), { embedding_id: id }, `${way}, ${file.length} bytes`);
    }
    for (const text of [`${base64}!`, `${base64.slice(0, -9)}=${base64}`, `\\u0141${base64}`]) {
      await problem(
        t,
        await post('/embed', `{"image":{"base64":"${text}"}}`, json),
        400,
        'invalid-request',
      );
    }
    const unknown = await post('/embed', `{"image":{"base64":"${base64}"},"${base64}":1}`, json);
    await problem(t, unknown, 400, 'invalid-request');
    const url = await post('/embed', `{"image":{"url":"${base64.slice(0, 3000)}"}}`, json);
    await problem(t, url, 400, 'invalid-request');
    const cut = await post('/embed', `{"image":{"base64":"${base64}`, json);
    await problem(t, cut, 400, 'malformed-request');
  }
});
