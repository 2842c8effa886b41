import { readFileSync } from 'node:fs';
import t from 'tap';
import { readSettings, VARIABLES } from '#src/config/settings.js';
import { loadConfig } from '#src/config.js';
import type { ErrorCode } from '#src/core/errors.js';
import { PROBLEMS } from '#src/http/problems.js';
import { usableCores } from '#src/machine.js';

t.test('defaults', async (t) => {
  const config = readSettings({}, 2);
  // A copy, since the original throws when asked for what is no setting.
  t.match(
    { ...config },
    {
      PORT: 8080,
      SAM_DEVICE: 'cpu',
      SAM_CACHE_BYTES: 2 ** 30,
      SAM_CACHE_DTYPE: 'float16',
      SAM_ENCODE_THREADS: 2,
      SAM_DECODE_WORKERS: 2,
    },
  );
  t.match(
    { ...readSettings({}, 16) },
    {
      SAM_ENCODE_THREADS: 16,
      SAM_DECODE_WORKERS: 4,
      SAM_DECODE_THREADS: 2,
    },
  );
  t.throws(() => Object.assign(config, { PORT: 1 }), 'frozen');
  t.equal(readSettings({}, 2, 1000).SAM_MAX_RSS, 850);
  t.equal(readSettings({ SAM_MAX_RSS: 'off' }, 2, 1000).SAM_MAX_RSS, 0);
  t.ok(readSettings({}).SAM_MAX_RSS > 0, 'on any machine');
});

t.test('what is wrong is named', async (t) => {
  const wrong: Record<string, string[]> = {
    PORT: ['0.5', 'http', '70000'],
    SAM_DEVICE: ['gpu'],
    SAM_DECODE_DEVICE: ['CPU'],
    SAM_ENCODER_PRECISION: ['int4', 'INT8', 'float16'],
    SAM_IMAGE_WORKERS: ['0', 'auto'],
    SAM_CACHE_BYTES: ['0', '-1', '1T', '1.5G', 'lots'],
    SAM_CACHE_DTYPE: ['int8'],
    SAM_ISOLATE_KEYS: ['maybe', 'keys'],
    SAM_ENCODE_WORKERS: ['0', 'two', '1.5'],
    SAM_ENCODE_QUEUE: ['-1', '1e3'],
    SAM_MAX_IMAGE_PIXELS: ['0', '99999999999999999999'],
    LOG_LEVEL: ['loud'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const named = { name: 'OperatorError', message: new RegExp(`^${name}: `) };
      t.throws(() => readSettings({ [name]: value }), named, `${name}=${value}`);
    }
  }
  t.throws(() => readSettings({ SAM_DEVISE: 'cpu' }), { message: 'SAM_DEVISE: no such setting' });
  t.throws(() => readSettings({ PORT: 'x', SAM_DEVICE: 'y' }), {
    message: /PORT: .*\nSAM_DEVICE: /,
  });
  t.throws(() => readSettings({ SAM_ENCODER_PRECISION: 'int8', SAM_DEVICE: 'auto' }), {
    message: /^SAM_ENCODER_PRECISION: /,
  });
  t.throws(() => readSettings({ SAM_ISOLATE_KEYS: 'true' }), {
    name: 'OperatorError',
    message: /^SAM_ISOLATE_KEYS: needs SAM_API_KEYS_FILE/,
  });
  t.equal(readSettings({ SAM_ENCODE_QUEUE: '0' }).SAM_ENCODE_QUEUE, 0);
  t.equal(readSettings({ SAM_CACHE_BYTES: '3M' }).SAM_CACHE_BYTES, 3 * 2 ** 20);
});

t.test('what is empty is not set', async (t) => {
  const empty = { SAM_REDIS_URL: '', SAM_CACHE_BYTES: '', SAM_MODELS: '', PORT: '' };
  t.same({ ...readSettings(empty) }, { ...readSettings({}) });
  t.throws(() => readSettings({ SAM_NOTHING: '' }), { message: 'SAM_NOTHING: no such setting' });
});

t.test('precision and image workers by the device', async (t) => {
  const lane = (environment: Record<string, string>) => loadConfig(environment).encodeLane;
  t.equal(lane({}).precision, 'float32', 'there is nothing to choose on a CPU');
  t.equal(lane({ SAM_DEVICE: 'webgpu' }).precision, 'auto');
  t.equal(lane({ SAM_DEVICE: 'auto', SAM_ENCODER_PRECISION: 'float16' }).precision, 'float16');
  const queue = { SAM_REDIS_URL: 'redis://there', SAM_ENCODE: 'queue' };
  t.equal(lane({ ...queue, SAM_ENCODER_PRECISION: 'float16' }).precision, 'float16');

  const workers = (environment: Record<string, string>) =>
    loadConfig(environment).imageChild.workers;
  t.equal(workers({}), 1);
  t.equal(workers({ SAM_ENCODE_WORKERS: '3' }), 3);
  t.equal(workers({ SAM_DEVICE: 'cuda' }), Math.min(usableCores(), 8));
  t.equal(workers({ SAM_DEVICE: 'cuda', SAM_IMAGE_WORKERS: '5' }), 5);
});

/** The rows of a table of settings: name, default, and the rest. */
function settingsIn(file: string, from: string, to: string): string[][] {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const rows = text.slice(text.indexOf(from), text.indexOf(to)).matchAll(/^\| `(\w+)` .*\|$/gm);
  return [...rows].map(([row, name = '']) => [
    name,
    ...row
      .split(' | ')
      .slice(1)
      .map((cell) => cell.replace(/\|$/, '').trim()),
  ]);
}

const README = settingsIn('README.md', '## Configuration', '## Models');

t.test("the README's table lists exactly the settings, in order", async (t) => {
  t.same(
    README.map(([name]) => name),
    VARIABLES,
  );
});

t.test('the limits are the settings that bound something, as they are', async (t) => {
  const limits = settingsIn('docs/limits.md', '## By setting', '## Not to be set');
  const text = readFileSync(new URL('../docs/limits.md', import.meta.url), 'utf8');
  const others = /^The other settings bound nothing: ([^.]*)\.$/m.exec(text)?.[1] ?? '';
  const unbounding = [...others.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const bounding = VARIABLES.filter((name) => !unbounding.includes(name));
  t.same(
    limits.map(([name]) => name),
    bounding,
  );
  t.same(
    unbounding,
    VARIABLES.filter((name) => unbounding.includes(name)),
  );
  const defaults = new Map(README.map(([name, value]) => [name, value]));
  for (const [name = '', value] of limits) t.equal(value, defaults.get(name), name);
  const problems = [...text.matchAll(/`([a-z-]+)` (\d{3})/g)];
  t.ok(problems.length > 20);
  for (const [, code = '', status] of problems) {
    t.equal(String(PROBLEMS[code as ErrorCode]?.status), status, code);
  }
});
