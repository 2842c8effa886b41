import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import t from 'tap';
import { Guard, NoAnswer } from '#src/fleet/guard.js';

/** Answers from outside of this thread, as Redis does. */
const answer = () => promisify(randomBytes)(16);

// Its clock alone keeps no process alive.
const alive = setInterval(() => {}, 60_000);
t.teardown(() => clearInterval(alive));

/** Keeps this thread from hearing anything. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

t.test(
  'an answer that came in time is heard late, by a process that was busy itself',
  async (t) => {
    const guard = new Guard({ timeoutMs: 20 });
    const asked = guard.insist('get', answer);
    block(60);
    t.equal((await asked).length, 16);
  },
);

t.test(
  'one that does not come is not waited for, longer only where that is asked for',
  async (t) => {
    const guard = new Guard({ timeoutMs: 20 });
    const silence = () => new Promise<never>(() => {});
    await t.rejects(guard.insist('get', silence), { name: 'NoAnswer', how: 'timeout' });
    t.equal(await guard.ask('get', silence), undefined);
    const slow = () => promisify(setTimeout)(60, 'late');
    t.equal(await guard.ask('begin', slow, 10_000), 'late');
  },
);

t.test('who was silent three times is let alone for a while', async (t) => {
  const guard = new Guard({ timeoutMs: 5 });
  for (let i = 0; i < 3; i++) await guard.ask('get', () => new Promise<never>(() => {}));
  let asked = 0;
  const count = async () => ++asked;
  await t.rejects(guard.insist('get', count), NoAnswer);
  t.equal(asked, 0);
});
