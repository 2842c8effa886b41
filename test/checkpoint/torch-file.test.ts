import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint, type StateDict } from '#src/checkpoint/checkpoint.js';
import * as p from './fixtures/pickle-writer.js';
import { type Headers, ZipWriter } from './fixtures/zip-writer.js';

const PI = Float32Array.of(3.140625, -2, 0.5, 8);

interface Archive {
  readonly pickle: Buffer;
  readonly storages?: Record<string, Uint8Array>;
  readonly lies?: Record<string, Partial<Headers>>;
}

/** Writes an archive as `torch.save` does, or nearly. */
function save(t: Test, { pickle, storages = {}, lies = {} }: Archive): string {
  const path = join(t.testdir({}), 'model.pth');
  const zip = new ZipWriter(path);
  zip.add('m/data.pkl', pickle, lies['data.pkl']);
  for (const [key, data] of Object.entries(storages)) zip.add(`m/data/${key}`, data, lies[key]);
  zip.close();
  return path;
}

function tensorsOf(path: string): StateDict {
  const checkpoint = openCheckpoint(path);
  checkpoint.close();
  return checkpoint.tensors;
}

function read(path: string, name: string): number[] {
  const checkpoint = openCheckpoint(path);
  try {
    return [...(checkpoint.tensors.get(name)?.read() ?? [])];
  } finally {
    checkpoint.close();
  }
}

const bytes = (view: ArrayBufferView) =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const state = (...entries: [string, Buffer][]) => p.pickle(p.orderedDict(entries));

t.test('number formats', async (t) => {
  const half = Uint16Array.of(0x4248, 0xc000, 0x3800, 0x4800);
  const brain = Uint16Array.of(0x4049, 0xc000, 0x3f00, 0x4100);
  const path = save(t, {
    pickle: state(
      ['float', p.tensor({ key: '0', shape: [2, 2] })],
      ['half', p.tensor({ key: '1', shape: [4], storage: 'HalfStorage' })],
      ['brain', p.tensor({ key: '2', shape: [4], storage: 'BFloat16Storage' })],
      ['double', p.tensor({ key: '3', shape: [4], storage: 'DoubleStorage' })],
      ['count', p.tensor({ key: '4', shape: [1], storage: 'LongStorage' })],
    ),
    storages: {
      0: bytes(PI),
      1: bytes(half),
      2: bytes(brain),
      3: bytes(Float64Array.from(PI)),
      4: new Uint8Array(8),
    },
  });
  for (const name of ['float', 'half', 'brain', 'double']) t.same(read(path, name), [...PI], name);
  t.same(tensorsOf(path).get('float')?.shape, [2, 2]);
  t.notOk(tensorsOf(path).has('count'), 'integers are no weights');
});

t.test('tensors that share a storage, and parts of one', async (t) => {
  const path = save(t, {
    pickle: state(
      ['all', p.tensor({ key: '0', shape: [4] })],
      ['again', p.tensor({ key: '0', shape: [4] })],
      ['end', p.tensor({ key: '0', shape: [2, 1], elements: 4, offset: 2, stride: [1, 7] })],
    ),
    storages: { 0: bytes(PI) },
  });
  t.same(read(path, 'again'), [...PI]);
  t.same(read(path, 'end'), [0.5, 8]);
});

t.test('what training loops write around the state dict', async (t) => {
  const inner = p.orderedDict([['module.weight', p.tensor({ key: '0', shape: [4] })]]);
  const storages = { 0: bytes(PI) };
  for (const key of ['model', 'state_dict', 'model_state_dict']) {
    const pickle = p.pickle(
      p.dict([
        ['epoch', p.integer(2 ** 40)],
        [key, inner],
      ]),
    );
    t.same(read(save(t, { pickle, storages }), 'weight'), [...PI], key);
  }
  const parameter = p.call(
    p.global('torch._utils', '_rebuild_parameter'),
    p.tensor({ key: '0', shape: [4] }),
    Buffer.from('\x88', 'latin1'),
    p.call(p.global('collections', 'OrderedDict')),
  );
  t.same(read(save(t, { pickle: state(['weight', parameter]), storages }), 'weight'), [...PI]);
});

t.test('a pickle that runs a command is refused, and nothing is run', async (t) => {
  const trace = join(t.testdir({}), 'trace');
  const calls: [string, string][] = [
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['torch', 'FloatStorage.from_file'],
    ['argparse', 'Namespace'],
    ['collections', 'OrderedDict.__class__'],
    ['toString', 'constructor'],
  ];
  for (const [module, name] of calls) {
    const evil = p.call(p.global(module, name), p.text(`touch ${trace}`));
    const path = save(t, { pickle: state(['weight', evil]) });
    t.throws(() => tensorsOf(path), {
      name: 'OperatorError',
      message: `it wants ${module}.${name}, and nothing is run`,
    });
  }
  // As protocol 4 names globals.
  const stacked = Buffer.concat([p.text('os'), p.text('system'), Buffer.from('\x93', 'latin1')]);
  const evil = p.pickle(p.call(stacked, p.text(`touch ${trace}`)));
  t.throws(() => tensorsOf(save(t, { pickle: evil })), { message: /it wants os\.system/ });
  t.notOk(existsSync(trace));
});

t.test('storages and tensors that do not fit', async (t) => {
  const storages = { 0: bytes(PI), 1: bytes(PI) };
  const one = (reference: Partial<p.TensorReference>) =>
    state(['weight', p.tensor({ key: '0', shape: [4], ...reference })]);
  const cases: Record<string, [Archive, RegExp]> = {
    'out of its storage': [
      { pickle: one({ shape: [5], elements: 4 }), storages },
      /tensor \[5\] reaches beyond its storage of 16 bytes/,
    ],
    'out of its storage by its offset': [
      { pickle: one({ elements: 4, offset: 1 }), storages },
      /reaches beyond its storage/,
    ],
    'before its storage': [{ pickle: one({ offset: -1 }), storages }, /without a shape/],
    'repeating one number': [
      { pickle: one({ shape: [1e6, 1e6], elements: 4, stride: [0, 0] }), storages },
      /has the strides \[0,0\]/,
    ],
    'of a size that overflows': [
      { pickle: one({ shape: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], elements: 4 }), storages },
      /strides|reaches beyond|without a shape/,
    ],
    'a storage of another length': [
      { pickle: one({ elements: 400 }), storages },
      /storage "0" has 16 bytes, not 400 float numbers/,
    ],
    'a storage that is missing': [
      { pickle: one({ key: '../0' }), storages },
      /"\.\.\/0" is missing/,
    ],
    'storages that overlap': [
      { pickle: one({}), storages, lies: { 1: { header: 128, stored: 300, length: 300 } } },
      /overlaps|is not there/,
    ],
    'a storage beyond the end': [
      { pickle: one({}), storages, lies: { 1: { stored: 2 ** 40, length: 2 ** 40 } } },
      /"m\/data\/1" of 1099511627776 bytes is outside/,
    ],
    'a header beyond the end': [
      { pickle: one({}), storages, lies: { 1: { header: 2 ** 50 } } },
      /are outside of its/,
    ],
  };
  for (const [name, [archive, message]] of Object.entries(cases)) {
    t.throws(() => tensorsOf(save(t, archive)), { name: 'OperatorError', message }, name);
  }
  // Two entries with the very same bytes.
  const lies = { 1: { header: 0 }, 0: { header: 0 } };
  t.throws(() => tensorsOf(save(t, { pickle: one({}), storages, lies })), { message: /overlaps/ });
});

t.test('a zip bomb is refused before anything is unpacked', async (t) => {
  const storages = { 0: bytes(PI) };
  const pickle = state(['weight', p.tensor({ key: '0', shape: [4] })]);
  const deflated = { 0: { method: 8, length: 2 ** 40 } };
  t.throws(() => tensorsOf(save(t, { pickle, storages, lies: deflated })), {
    message: /entry "m\/data\/0" is compressed/,
  });
  const encrypted = { 0: { flags: 1 } };
  t.throws(() => tensorsOf(save(t, { pickle, storages, lies: encrypted })), {
    message: /is encrypted/,
  });
  const twice = { 0: { length: 2 ** 40 } };
  t.throws(() => tensorsOf(save(t, { pickle, storages, lies: twice })), {
    message: /stored with two lengths/,
  });
});

t.test('pickles that are broken', async (t) => {
  const cases: [Buffer, RegExp][] = [
    [Buffer.from('\x80\x02', 'latin1'), /cut short/],
    [p.pickle(Buffer.from('K')).subarray(0, 3), /cut short/],
    [p.pickle(Buffer.from('R')), /takes what it has not put/],
    [p.pickle(Buffer.from('t')), /mark that it has not set/],
    [p.pickle(Buffer.from('h\x07')), /remembers what it has not kept/],
    [p.pickle(Buffer.from('NNs')), /takes what it has not put|no Map to add to/],
    [p.pickle(Buffer.from('N)R')), /calls no function/],
    [p.pickle(Buffer.from('})\x81', 'latin1')), /instruction 0x81/],
    [p.pickle(Buffer.from('i')), /instruction 0x69/],
    [p.pickle(Buffer.from('N')), /holds no state dict/],
    [p.pickle(Buffer.from('X\xff\xff\xff\x7f', 'latin1')), /cut short/],
  ];
  for (const [pickle, message] of cases) {
    t.throws(() => tensorsOf(save(t, { pickle })), { name: 'OperatorError', message });
  }
});

t.test('numbers that are not finite are refused when they are read', async (t) => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const path = save(t, {
      pickle: state(['weight', p.tensor({ key: '0', shape: [4] })]),
      storages: { 0: bytes(Float32Array.of(1, bad, 1, 1)) },
    });
    t.throws(() => read(path, 'weight'), { message: 'it holds numbers that are not finite' });
  }
});

t.test('files that are no checkpoints', async (t) => {
  const whole = save(t, {
    pickle: state(['weight', p.tensor({ key: '0', shape: [4] })]),
    storages: { 0: bytes(PI) },
  });
  truncateSync(whole, 400);
  t.throws(() => tensorsOf(whole), { message: /no zip directory.*or its end is missing/ });
  const folder = t.testdir({
    'old.pth': Buffer.concat([Buffer.from('\x80\x02\x8a\x0a', 'latin1'), Buffer.alloc(40)]),
    'page.pth': '<!DOCTYPE html><title>404</title>',
    'empty.pth': '',
  });
  t.throws(() => tensorsOf(join(folder, 'old.pth')), { message: /before PyTorch 1\.6/ });
  t.throws(() => tensorsOf(join(folder, 'page.pth')), { message: /no zip directory/ });
  t.throws(() => tensorsOf(join(folder, 'empty.pth')), { message: /it has 0 bytes/ });
  t.throws(() => tensorsOf(join(folder, 'none.pth')), { message: /cannot open .*none\.pth/ });
  t.throws(() => tensorsOf(folder), { name: 'OperatorError' });
  const other = join(folder, 'other.zip');
  const zip = new ZipWriter(other);
  zip.add('readme.txt', Buffer.from('nothing'));
  zip.close();
  t.throws(() => tensorsOf(other), { message: /not one that torch\.save wrote/ });
  writeFileSync(other, Buffer.alloc(70_000, 'PK\x05\x06'));
  t.throws(() => tensorsOf(other), { name: 'OperatorError' });
});
