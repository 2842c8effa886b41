import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import type { Tensor } from '#src/core/tensors/tensor.js';
import { LogitsStore } from '#src/store/logits-store.js';

const logits = (byte: number): Tensor => ({
  dtype: 'float32',
  shape: [256, 256],
  bytes: new Uint8Array(4 * 256 * 256).fill(byte),
});

/** Lets milliseconds pass. */
async function pass(ms: number): Promise<void> {
  for (const start = performance.now(); performance.now() < start + ms; ) await nextTurn();
}

t.test('a token stands for its logits, and for no others', async (t) => {
  const store = new LogitsStore(2 ** 20, 60_000);
  const tokens = [1, 2].map((byte) => store.keep(logits(byte), 'a'));
  t.not(tokens[0], tokens[1]);
  for (const [i, token] of tokens.entries()) t.equal(store.find(token)?.bytes[0], i + 1);
  t.equal(store.find('other'), undefined);
});

t.test('what was used last stays', async (t) => {
  const store = new LogitsStore(2 ** 20, 60_000);
  const [first = '', second = ''] = [1, 2, 3, 4].map((byte) => store.keep(logits(byte), 'a'));
  t.ok(store.find(first), 'four fit');
  store.keep(logits(5), 'a');
  t.ok(store.find(first));
  t.equal(store.find(second), undefined);
});

t.test('tokens expire after their last use', async (t) => {
  const store = new LogitsStore(2 ** 20, 500);
  const token = store.keep(logits(1), 'a');
  await pass(300);
  t.ok(store.find(token));
  await pass(300);
  t.ok(store.find(token), 'it was used meanwhile');
  await pass(700);
  t.equal(store.find(token), undefined);
});

t.test('a client that keeps many pushes out its own', async (t) => {
  const store = new LogitsStore(2 ** 20, 60_000);
  const modest = store.keep(logits(1), 'modest');
  const greedy = Array.from({ length: 50 }, () => store.keep(logits(2), 'greedy'));
  t.ok(store.find(modest), 'used longest ago of all, and still there');
  t.same(
    greedy.map((token) => store.find(token) !== undefined),
    greedy.map((_, i) => i >= 47),
    'the last three fit beside it',
  );
  const late = Array.from({ length: 2 }, () => store.keep(logits(3), 'late'));
  t.ok(
    [modest, ...late].every((token) => store.find(token)),
    'who comes late finds room',
  );
  t.same(store.usage, { bytes: 2 ** 20, clients: 3 });
});

t.test('of clients with as much, who has not come for longest makes room', async (t) => {
  const store = new LogitsStore(2 ** 20, 60_000);
  const tokens = Array.from({ length: 300 }, (_, i) => store.keep(logits(i), `client ${i}`));
  t.same(
    tokens.map((token) => store.find(token) !== undefined),
    tokens.map((_, i) => i >= 296),
  );
  t.same(store.usage, { bytes: 2 ** 20, clients: 4 }, 'the others are forgotten');
});

t.test('what has expired is forgotten with its client', async (t) => {
  const store = new LogitsStore(2 ** 20, 100);
  for (const client of ['a', 'b']) store.keep(logits(1), client);
  await pass(150);
  t.equal(store.find('other'), undefined);
  t.same(store.usage, { bytes: 0, clients: 0 });
});

t.test('logits larger than the store are not kept', async (t) => {
  const store = new LogitsStore(1000, 60_000);
  t.equal(store.find(store.keep(logits(1), 'a')), undefined);
  t.same(store.usage, { bytes: 0, clients: 0 });
});

t.test('an owner alone finds what is kept for it', async (t) => {
  const store = new LogitsStore(2 ** 20, 60_000);
  const token = store.keep(logits(1), 'client', 'a');
  t.equal(store.find(token, 'b'), undefined);
  t.equal(store.find(token), undefined);
  t.ok(store.find(token, 'a'));
  t.equal(store.find(store.keep(logits(1), 'client'), 'a'), undefined);
});
