import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import sharp from 'sharp';
import t from 'tap';
import { manyScans } from '../fixtures/bombs.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const large = await sharp({
  create: { width: 8000, height: 6200, channels: 3, background: 'olive' },
})
  .jpeg({ progressive: true })
  .toBuffer();

/** Processes that this one has started and that still are. */
function children(): string[] {
  const tasks = readdirSync('/proc/self/task');
  const lists = tasks.map((task) => `/proc/self/task/${task}/children`).filter(existsSync);
  const pids = lists.flatMap((list) => readFileSync(list, 'latin1').split(' ').filter(Boolean));
  return pids.filter((pid) => {
    try {
      return / [RSD] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    } catch {
      return false;
    }
  });
}

t.test('a deadline ends the work, and the next image is embedded', async (t) => {
  const { post } = await startService(t, { SAM_IMAGE_TIMEOUT_MS: '300' });
  // The networks are loaded with the first.
  t.equal((await post('/embed', form(picture))).status, 201);
  const late = await problem(t, await post('/embed', form(large)), 422, 'image-unreadable');
  t.equal(late['detail'], 'the image takes too long to decode');
  const next = await post('/embed', form(await draw(scene(2))));
  t.equal(next.status, 201);
});

t.test('a bomb is told what is wrong with it', async (t) => {
  const { post } = await startService(t);
  const bomb = await manyScans(500, 100, 100);
  const body = await problem(t, await post('/embed', form(bomb)), 422, 'image-unreadable');
  t.match(body['detail'], /^the JPEG has 5\d\d scans, more than the 100 that are decoded$/);
});

t.test('no upload waits for a picture, and no process is left in the end', async (t) => {
  const before = children();
  const service = await startService(t);
  const { post, url } = service;
  const prompts = Array.from({ length: 10 }, () => ({ box: [100, 100, 7900, 6100] }));
  let drawn = false;
  const drawing = post('/segment?overlay=1', form(large, { prompts })).then(async (response) => {
    t.equal(response.status, 200);
    await response.arrayBuffer();
    drawn = true;
  });
  const running = async () =>
    /sam_lane_running\{lane="picture"\} 1/.test(await (await fetch(`${url}/metrics`)).text());
  while (!drawn && !(await running())) await after(20);
  t.equal((await post('/embed', form(picture))).status, 201);
  t.notOk(drawn, 'the picture is not done yet');
  await drawing;
  t.equal(children().length - before.length, 2, 'one prepares images, one draws');
  await service.close();
  while (children().length > before.length) await after(20);
  t.same(children(), before);
});
