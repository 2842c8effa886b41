import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import type { Tensor } from '#src/core/tensor.js';
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
  const tokens = [1, 2].map((byte) => store.keep(logits(byte)));
  t.not(tokens[0], tokens[1]);
  for (const [i, token] of tokens.entries()) t.equal(store.find(token)?.bytes[0], i + 1);
  t.equal(store.find('other'), undefined);
});

t.test('what was used last stays', async (t) => {
  const store = new LogitsStore(2 ** 20, 60_000);
  const [first = '', second = ''] = [1, 2, 3, 4].map((byte) => store.keep(logits(byte)));
  t.ok(store.find(first), 'four fit');
  store.keep(logits(5));
  t.ok(store.find(first));
  t.equal(store.find(second), undefined);
});

t.test('tokens expire after their last use', async (t) => {
  const store = new LogitsStore(2 ** 20, 500);
  const token = store.keep(logits(1));
  await pass(300);
  t.ok(store.find(token));
  await pass(300);
  t.ok(store.find(token), 'it was used meanwhile');
  await pass(700);
  t.equal(store.find(token), undefined);
});
