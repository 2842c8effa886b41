import { execFileSync } from 'node:child_process';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { recogniseVit } from '#src/sam/encoder/vit-parameters.js';
import * as p from './fixtures/pickle-writer.js';
import { ZipWriter } from './fixtures/zip-writer.js';

function save(t: Test, pickle: Buffer, storages: Record<string, Uint8Array> = {}): string {
  const path = join(t.testdir({}), 'model.pth');
  const zip = new ZipWriter(path);
  zip.add('m/data.pkl', pickle);
  for (const [key, data] of Object.entries(storages)) zip.add(`m/data/${key}`, data);
  zip.close();
  return path;
}

/** Expects a file to be refused in few words, in little time and memory. */
function refused(t: Test, path: string, message: RegExp): void {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  try {
    openCheckpoint(path).close();
    t.fail(`${message}: it was taken`);
  } catch (error) {
    t.match(error, { name: 'OperatorError', message });
    const words = (error as Error).message;
    t.ok(words.length < 1000 && !/\p{Cc}/u.test(words), 'in few words');
  }
  const [took, grown] = [performance.now() - start, process.memoryUsage().rss - before];
  t.ok(took < 3000, `${message} took ${took} ms`);
  t.ok(grown < 600e6, `${message} took ${grown} bytes`);
}

const code = (text: string) => Buffer.from(text, 'latin1');
const many = (text: string, count: number) => Buffer.alloc(text.length * count, text, 'latin1');
const key = (name: string) => p.text(name);

/** A list that holds twice a list that holds twice a list, and so on: each is remembered and recalled. */
function laughs(depth: number): Buffer {
  const levels = Array.from({ length: depth }, (_, i) =>
    code(
      `]q${String.fromCharCode(i)}(h${String.fromCharCode(Math.max(0, i - 1))}h${String.fromCharCode(Math.max(0, i - 1))}e0`,
    ),
  );
  return Buffer.concat([code(']q\0]a0'), ...levels, code(`h${String.fromCharCode(depth - 1)}`)]);
}

t.test('pickles that would take all memory', async (t) => {
  const cases: [Buffer, RegExp][] = [
    [many('}', 15_000_000), /more than 1048576 instructions: save the state dict alone/],
    [many(']', 60_000_000), /pickle of \d+ bytes is too large/],
    [many('(', 15_000_000), /more than 1048576 instructions/],
    [Buffer.concat([code(']'), many('\x85', 5_000_000)]), /more than 1048576 instructions/],
    [Buffer.concat([code(']('), many('N', 900_000), code('e')]), /holds no state dict/],
    [Buffer.concat([code('('), many('N', 900_000), code('t')]), /holds no state dict/],
    // A dict that is its own "model".
    [Buffer.concat([code('}q\0'), key('model'), code('h\0s')]), /wrapped too often/],
    [p.global('x'.repeat(10_000_000), 'y'), /it wants xxxx/],
    [p.global('\x1b[2J', 'y'), /it wants \?\[2J\.y/],
    [Buffer.concat([laughs(40), laughs(40), code('\x93')]), /names a global that has no name/],
    [
      Buffer.concat([
        p.tuple(
          p.text('storage'),
          p.global('torch', 'FloatStorage'),
          p.text('0'),
          p.text('cpu'),
          laughs(40),
        ),
        code('Q'),
      ]),
      /refers to no storage/,
    ],
    [code(`X${'\xff'.repeat(4)}x`), /cut short/],
    [code(`\x8d${'\xff'.repeat(8)}x`), /cut short/],
    [code(`\x8a\xff${'\xff'.repeat(10)}`), /cut short/],
  ];
  for (const [value, message] of cases) {
    refused(t, save(t, p.pickle(value), { 0: new Uint8Array(16) }), message);
  }
});

t.test('tensors of impossible shapes', async (t) => {
  const tensor = (reference: Partial<p.TensorReference>) =>
    p.pickle(p.orderedDict([['a', p.tensor({ key: '0', shape: [4], elements: 4, ...reference })]]));
  const big = 2 ** 50;
  for (const [reference, message] of [
    [{ shape: [2 ** 31, 2 ** 31], stride: [2 ** 31, 1] }, /reaches beyond/],
    [{ shape: [2 ** 31, 2 ** 31], stride: [1, 1] }, /has the strides/],
    [{ shape: [-4] }, /without a shape/],
    [{ offset: -1 }, /without a shape/],
    [{ offset: big }, /reaches beyond/],
    [{ shape: [-2, -2] }, /without a shape/],
    [{ shape: Array(9).fill(1) }, /without a shape/],
    [{ elements: -4 }, /refers to no storage/],
    [{ elements: big }, /has 16 bytes, not/],
    [{ key: '../../0' }, /is missing/],
  ] as const) {
    refused(t, save(t, tensor(reference), { 0: new Uint8Array(16) }), message);
  }
});

t.test('archives', async (t) => {
  const path = join(t.testdir({}), 'model.pth');
  const zip = new ZipWriter(path);
  const nothing = new Uint8Array();
  for (let i = 0; i < 70_000; i++) zip.add(`m/${i}`, nothing);
  zip.close();
  refused(t, path, /holds more than 65536 entries|directory of \d+ bytes is too large/);
});

t.test('what is no file is not waited for', async (t) => {
  const folder = t.testdir({});
  const pipe = join(folder, 'pipe.pth');
  execFileSync('mkfifo', [pipe]);
  refused(t, pipe, /it is a pipe, a socket or a device/);
  refused(t, '/dev/zero', /it is a pipe, a socket or a device/);
  refused(t, folder, /it is a folder/);
  symlinkSync(pipe, join(folder, 'link.pth'));
  refused(t, join(folder, 'link.pth'), /it is a pipe/);
  const vast = join(folder, 'vast.pth');
  writeFileSync(vast, '');
  truncateSync(vast, 2 ** 37);
  refused(t, vast, /has 137438953472 bytes, more than/);
  const holes = join(folder, 'holes.pth');
  writeFileSync(holes, '');
  truncateSync(holes, 2 ** 35);
  refused(t, holes, /no zip directory/);
});

t.test('a block of a number that no encoder has', async (t) => {
  for (const number of ['999999999', '9'.repeat(300), '256']) {
    const shapes = new Map([
      ['image_encoder.pos_embed', { shape: [1, 64, 64, 64] }],
      [`image_encoder.blocks.${number}.attn.rel_pos_h`, { shape: [27, 32] }],
    ]);
    t.throws(() => recogniseVit(shapes), {
      name: 'OperatorError',
      message: /blocks, 256 are/,
    });
  }
});
