import { Agent, request } from 'node:http';
import { availableParallelism } from 'node:os';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import t from 'tap';
import { Intake, pacer } from '#src/http/bodies/reading/intake.js';
import { TestClock } from '../fixtures/clock.js';
import { sharedService } from '../fixtures/service.js';

const BURST = 32 * 2 ** 20;
/** Bytes a millisecond of two cores. */
const RATE = 16_000;

t.test('a burst is read at once, and what goes beyond it at a rate', async (t) => {
  const clock = new TestClock();
  const intake = new Intake(2, clock);
  t.equal(intake.take('a', BURST), 0);
  t.equal(intake.take('a', 64_000), 4, 'its time at the rate');
  clock.advance(100);
  t.equal(intake.take('a', 1_536_000), 0, 'what was paid is free again');
  t.equal(intake.take('a', BURST), 250, 'nobody waits for longer at once');
});

t.test('a rate is the same however it is sent', async (t) => {
  for (const size of [1000, 65_536, 1_000_000]) {
    const clock = new TestClock();
    const intake = new Intake(2, clock);
    let sent = 0;
    for (const end = 20_000; clock.now() < end; ) {
      const wait = intake.take('a', size);
      sent += size;
      clock.advance(wait);
    }
    t.ok(Math.abs((sent - BURST) / (20_000 * RATE) - 1) < 0.02, `in chunks of ${size} bytes`);
  }
});

t.test(
  'clients share the rate, and who sends little does not wait for who sends much',
  async (t) => {
    const clock = new TestClock();
    const intake = new Intake(2, clock);
    t.equal(intake.take('a', BURST), 0);
    t.equal(intake.take('b', 200_000), 0, 'a photograph');
    t.equal(intake.take('a', 64_000), 8, 'half of the rate each');
    clock.advance(60);
    intake.take('a', 0);
    t.equal(intake.take('a', 0) > 0, false);
    clock.advance(60_000);
    t.equal(intake.take('a', BURST), 0, 'in time everything is paid');
  },
);

t.test('a stream stops beyond a burst, and goes on to its end', async (t) => {
  // As a service does: those who wait for their turn do not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const stream = new PassThrough();
  const pace = pacer(stream, 'somebody');
  const chunk = Buffer.alloc(2 ** 20);
  let [received, stops] = [0, 0];
  stream.on('data', (data) => {
    received += data.length;
    pace(data);
    if (stream.isPaused()) stops++;
  });
  for (let i = 0; i < 40; i++) stream.write(chunk);
  stream.end();
  await finished(stream);
  t.equal(received, 40 * chunk.length);
  t.ok(stops > 0, `${stops} stops`);
});

t.test('bodies of requests are read at the rate, those of refused ones too', async (t) => {
  const { url } = await sharedService(t);
  const body = Buffer.alloc(15 * 2 ** 20);
  const cases = [
    ['/embed', 'read', 415, '127.0.3.1'],
    ['/embed?modle=mobile_sam', 'read past', 400, '127.0.3.2'],
  ] as const;
  for (const [path, how, status, localAddress] of cases) {
    // One connection: the next request is sent when all of the last one was taken.
    const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress });
    const start = performance.now();
    for (let i = 0; i < 5; i++) t.equal(await statusOf(url + path, agent, body), status);
    const took = performance.now() - start;
    agent.destroy();
    // What lies in the socket's buffers of the last one may be still to be read.
    const paced = 4 * body.length - BURST;
    const least = paced / ((RATE / 2) * availableParallelism());
    t.ok(took >= least, `${how}: ${Math.round(took)} ms, at least ${Math.round(least)}`);
  }
});

function statusOf(url: string, agent: Agent, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'image/png', 'content-length': body.length };
    const outgoing = request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    outgoing.on('error', reject).end(body);
  });
}
