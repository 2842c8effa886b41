import { setTimeout as after } from 'node:timers/promises';
import t from 'tap';
import { Victim } from '../../attack/victim.js';
import { draw, scene } from '../fixtures/scenes.js';

/** Thresholds that let nearly every mask pass. */
const ALL = { pred_iou_thresh: 0, stability_score_thresh: 0, box_nms_thresh: 1 };

const picture = new Uint8Array(await draw(scene(1)));
const headers = { 'content-type': 'image/png' };

async function start(t: Tap, SAM_SHUTDOWN_MS: string): Promise<Victim> {
  const victim = await Victim.start({ SAM_SHUTDOWN_MS, SAM_DECODE_WORKERS: '1' });
  t.teardown(() => victim.kill('SIGKILL'));
  return victim;
}
type Tap = { teardown(end: () => void): void };

const post = (url: string, body: Uint8Array<ArrayBuffer> | string, more: object) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...more } });

t.test('a stream that is longer than the time to shut down ends with a last line', async (t) => {
  const victim = await start(t, '6000');
  const embedded = await post(`${victim.url}/embed`, picture, headers);
  const { embedding_id } = (await embedded.json()) as { embedding_id: string };
  const fields = { embedding_id, points_per_side: 64, ...ALL };
  const accept = { accept: 'application/x-ndjson' };
  const stream = await post(`${victim.url}/everything`, JSON.stringify(fields), accept);
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  let text = Buffer.from((await reader.read()).value ?? []).toString();
  victim.kill('SIGTERM');
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    text = (text + Buffer.from(value as Uint8Array)).slice(-100_000);
  }
  const last = JSON.parse(text.trim().split('\n').at(-1) as string);
  t.match(last, { type: 'error', problem: { type: '/problems/overloaded', detail: /stopping/ } });
  t.same(await victim.ended(), { code: 0, signal: null }, victim.complaints.join('\n'));
});

t.test('a network that runs beyond the time to shut down is waited for', async (t) => {
  const victim = await start(t, '400');
  const embedding = post(`${victim.url}/embed`, picture, headers);
  // By then the encoder is at work, which takes longer than what is left.
  await after(100);
  victim.kill('SIGTERM');
  const { status } = await embedding.catch(() => ({ status: 'cut off' }));
  t.match(String(status), /^(201|503|cut off)$/);
  t.same(await victim.ended(), { code: 0, signal: null }, victim.complaints.join('\n'));
});
