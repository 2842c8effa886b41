import t from 'tap';
import { Intake } from '#src/http/bodies/intake.js';
import { TestClock } from '../fixtures/clock.js';

const BURST = 32 * 2 ** 20;
/** Bytes a millisecond of two cores. */
const RATE = 32_000;

t.test('a burst is read at once, and what goes beyond it at a rate', async (t) => {
  const clock = new TestClock();
  const intake = new Intake(2, clock);
  t.equal(intake.take('a', BURST), 0);
  t.equal(intake.take('a', 64_000), 2, 'its time at the rate');
  clock.advance(100);
  t.equal(intake.take('a', 3_136_000), 0, 'what was paid is free again');
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
    t.equal(intake.take('a', 64_000), 4, 'half of the rate each');
    clock.advance(60);
    intake.take('a', 0);
    t.equal(intake.take('a', 0) > 0, false);
    clock.advance(60_000);
    t.equal(intake.take('a', BURST), 0, 'in time everything is paid');
  },
);
