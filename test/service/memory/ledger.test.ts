import t from 'tap';
import { MEMORY_KINDS } from '#src/core/caller.js';
import { Ledger } from '#src/service/memory/ledger.js';

const MIB = 2 ** 20;
const LIMITS = { maxBytes: 100 * MIB, maxClientBytes: 50 * MIB, maxBodyBytes: 80 * MIB };

function isEmpty(ledger: Ledger): boolean {
  return MEMORY_KINDS.every((kind) => ledger.held(kind) === 0);
}

t.test('nobody holds more than there is, nor a client more than its share', async (t) => {
  const ledger = new Ledger(LIMITS);
  const [a, b, c] = ['a', 'b', 'c'].map((client) => ledger.open(client));
  a?.take('body', 30 * MIB);
  const again = ledger.open('a');
  t.throws(() => again.take('json', 21 * MIB), { code: 'overloaded', retryAfter: 1 });
  again.take('json', 20 * MIB);
  b?.take('masks', 37 * MIB);
  t.throws(() => c?.take('answer', 2 * MIB), { code: 'overloaded' });
  c?.take('answer', MIB);
  t.equal(ledger.held('answer'), MIB, 'what is small has a part of its own');
  again.close();
  c?.take('answer', 18 * MIB);
  for (const account of [a, b, c]) account?.close();
  t.ok(isEmpty(ledger));
});

t.test('bodies leave room for what is made of them', async (t) => {
  const ledger = new Ledger(LIMITS);
  ledger.open('a').take('body', 50 * MIB);
  ledger.open('b').take('body', 20 * MIB);
  const c = ledger.open('c');
  t.throws(() => c.take('body', 2 * MIB), { code: 'overloaded' });
  c.take('pixels', 17 * MIB);
});

t.test('an account closes when its request and all work for it is over', async (t) => {
  const ledger = new Ledger(LIMITS);
  const account = ledger.open('a');
  account.take('body', MIB);
  let finish = () => {};
  const work = account.during(new Promise<void>((resolve) => (finish = resolve)));
  const failing = account.during(Promise.reject(new Error('planted')));
  await t.rejects(failing, { message: 'planted' });
  account.close();
  account.close();
  t.equal(ledger.held('body'), MIB, 'the work goes on');
  finish();
  await work;
  t.ok(isEmpty(ledger));
  account.take('masks', MIB);
  t.ok(isEmpty(ledger), 'what comes too late is not kept');
});

t.test('bytes are given back once, whatever is said', async (t) => {
  const ledger = new Ledger(LIMITS);
  const account = ledger.open('a');
  account.take('body', 3);
  account.give('body', 2);
  account.give('body', 2);
  account.give('json', 7);
  t.equal(ledger.held('body'), 0);
  t.equal(ledger.held('json'), 0);
  account.close();
  t.ok(isEmpty(ledger));
});

t.test('who has stalled gives way, the slowest first', async (t) => {
  let now = 0;
  const ledger = new Ledger(LIMITS, () => now);
  const ended: string[] = [];
  const hold = (name: string, bytes: number) => {
    const account = ledger.open(name);
    account.take('json', bytes);
    account.awaitClient(() => ended.push(name));
    return account;
  };
  hold('slowest', 20 * MIB);
  now = 100;
  hold('slow', 20 * MIB);
  const moving = hold('moving', 19 * MIB);
  const working = hold('working', 20 * MIB);
  working.clientDone();
  now = 2000;
  moving.moved();
  const other = ledger.open('other');
  other.take('json', 20 * MIB);
  t.same(ended, ['slowest'], 'one was enough');
  other.take('json', 20 * MIB);
  t.same(ended, ['slowest', 'slow']);
  t.throws(() => other.take('json', 9 * MIB), { code: 'overloaded' });
  t.same(ended, ['slowest', 'slow'], 'who moves does not give way to who holds more');
  for (const account of [moving, working, other]) account.close();
  t.ok(isEmpty(ledger));
});

t.test(
  'the client that holds most gives way to one that holds less, but not what works',
  async (t) => {
    const ledger = new Ledger(LIMITS, () => 0);
    const ended: string[] = [];
    const hold = (client: string, name: string, bytes: number) => {
      const account = ledger.open(client);
      account.take('body', bytes);
      account.awaitClient(() => ended.push(name));
      return account;
    };
    const working = hold('heavy', 'working', 20 * MIB);
    working.clientDone();
    hold('heavy', 'waiting', 20 * MIB);
    const lighter = hold('lighter', 'lighter', 25 * MIB);
    const newcomer = ledger.open('newcomer');
    newcomer.take('json', 30 * MIB);
    t.same(ended, ['waiting']);
    t.throws(() => ledger.open('heavy').take('json', 15 * MIB), { code: 'overloaded' });
    t.same(ended, ['waiting'], 'and nobody to one that would hold more');
    for (const account of [working, lighter, newcomer]) account.close();
    t.ok(isEmpty(ledger));
  },
);

t.test(
  'a client that is over its share ends its own stalled requests, not those of others',
  async (t) => {
    let now = 0;
    const ledger = new Ledger(LIMITS, () => now);
    const ended: string[] = [];
    for (const client of ['b', 'a']) {
      const account = ledger.open(client);
      account.take('body', 30 * MIB);
      account.awaitClient(() => ended.push(client));
    }
    now = 2000;
    ledger.open('a').take('json', 40 * MIB);
    t.same(ended, ['a']);
  },
);
