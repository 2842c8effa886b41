import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ApiKeys } from '#src/http/hooks/api-keys.js';
import { keyLine } from '../fixtures/api-key.js';
import { startService } from '../fixtures/service.js';

const GOOD = keyLine('a', 'embed');

const WRONG: [text: string, message: RegExp][] = [
  ['# all\nname embed', /line 2: must be/],
  ['name embed,root 00', /line 1: must be/],
  [keyLine('name', 'embed,root', 'k'), /line 1: root is none of embed, decode, admin/],
  [keyLine('name', 'embed,', 'k'), /line 1: nothing is none of/],
  [
    `# \n${keyLine('name', 'embed', 'k')}${keyLine('name', 'decode', 'l')}`,
    /lines 2 and 3 .*same name/,
  ],
  [`${GOOD}\n${keyLine('b', 'admin', 'a')}`, /lines 1 and 3 are the same key/],
  ['', /holds no key/],
  ['\n# a remark\n', /holds no key/],
  [GOOD.slice(0, -9), /line 1: must be/],
  [`${GOOD}#${'a'.repeat(2 ** 20)}`, /more than 1048576 bytes/],
];

t.test('a file that is wrong is refused at the start, with its line', async (t) => {
  for (const [text, message] of WRONG) {
    const file = join(t.testdir({ keys: text }), 'keys');
    t.throws(() => new ApiKeys(file), { name: 'OperatorError', message }, text.slice(0, 200));
  }
  const folder = t.testdir();
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const others: [file: string, message: RegExp][] = [
    ['/nowhere/keys', /ENOENT/],
    [folder, /not a regular file/],
    [pipe, /not a regular file/],
    ['/dev/zero', /not a regular file/],
  ];
  for (const [file, message] of others) {
    t.throws(() => new ApiKeys(file), { name: 'OperatorError', message }, file);
  }
});

t.test('a file that becomes wrong changes nothing, and is told of until it is right', async (t) => {
  const file = join(t.testdir({ keys: GOOD }), 'keys');
  const keys = new ApiKeys(file);
  // Neither the watch nor its reminders keep a process from ending.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => {
    keys.close();
    clearInterval(alive);
  });
  const told = new EventEmitter();
  keys.watch((error) => told.emit('read', error), 50);
  const next = async () => (await once(told, 'read'))[0] as Error | undefined;
  t.equal(keys.invalid, false);

  const faults: [name: string, make: () => void, message: RegExp][] = [
    ['truncated', () => writeFileSync(file, ''), /holds no key/],
    ['gone', () => rmSync(file), /ENOENT/],
    ['a pipe', () => execFileSync('mkfifo', [file]), /not a regular file/],
    [
      'one key twice',
      () => {
        rmSync(file);
        writeFileSync(file, GOOD + keyLine('b', 'admin', 'a'));
      },
      /1 and 2/,
    ],
  ];
  for (const [name, make, message] of faults) {
    make();
    let error = await next();
    // Reminders of the fault before may come first.
    while (!message.test(error?.message ?? '')) error = await next();
    t.match(error, { name: 'OperatorError' }, name);
    t.match(await next(), { message }, 'and again while nothing changes');
    t.equal(keys.invalid, true);
    t.same(keys.find('a')?.scopes, new Set(['embed']), 'the key of before holds as it was');
  }

  writeFileSync(file, keyLine('c', 'decode'));
  for (let error = await next(); error; ) error = await next();
  t.equal(keys.invalid, false);
  t.equal(keys.find('a'), undefined);
  t.equal(keys.find('c')?.name, 'c');
});

t.test('no change is missed, not even one before it is looked for', async (t) => {
  const file = join(t.testdir({ keys: GOOD }), 'keys');
  const keys = new ApiKeys(file);
  t.teardown(() => keys.close());
  writeFileSync(file, keyLine('c', 'decode'));
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  await new Promise((resolve) => keys.watch(resolve, 50));
  t.equal(keys.find('c')?.name, 'c');
});

t.test('operators see it', async (t) => {
  const file = join(t.testdir({ keys: keyLine('a', 'admin') }), 'keys');
  const { url } = await startService(t, { SAM_API_KEYS_FILE: file });
  const gauge = async () => {
    const answer = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer a' } });
    return /^sam_keys_file_invalid (\d)$/m.exec(await answer.text())?.[1];
  };
  t.equal(await gauge(), '0');
  rmSync(file);
  while ((await gauge()) !== '1');
  writeFileSync(file, keyLine('a', 'admin'));
  while ((await gauge()) !== '0');
});
