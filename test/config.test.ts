import { readFileSync } from 'node:fs';
import t from 'tap';
import { loadConfig, VARIABLES } from '#src/config.js';

t.test('defaults', async (t) => {
  const config = loadConfig({}, 2);
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
    { ...loadConfig({}, 16) },
    {
      SAM_ENCODE_THREADS: 16,
      SAM_DECODE_WORKERS: 4,
      SAM_DECODE_THREADS: 2,
    },
  );
  t.throws(() => Object.assign(config, { PORT: 1 }), 'frozen');
});

t.test('what is wrong is named', async (t) => {
  const wrong: Record<string, string[]> = {
    PORT: ['0.5', 'http', '70000'],
    SAM_DEVICE: ['gpu'],
    SAM_DECODE_DEVICE: ['CPU'],
    SAM_ENCODER_PRECISION: ['int4', 'INT8', 'float16'],
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
      const named = { name: 'StartupError', message: new RegExp(`^${name}: `) };
      t.throws(() => loadConfig({ [name]: value }), named, `${name}=${value}`);
    }
  }
  t.throws(() => loadConfig({ SAM_DEVISE: 'cpu' }), { message: 'SAM_DEVISE: no such setting' });
  t.throws(() => loadConfig({ PORT: 'x', SAM_DEVICE: 'y' }), { message: /PORT: .*\nSAM_DEVICE: / });
  t.throws(() => loadConfig({ SAM_ENCODER_PRECISION: 'int8', SAM_DEVICE: 'auto' }), {
    message: /^SAM_ENCODER_PRECISION: /,
  });
  t.throws(() => loadConfig({ SAM_ISOLATE_KEYS: 'true' }), {
    name: 'StartupError',
    message: /^SAM_ISOLATE_KEYS: needs SAM_API_KEYS_FILE/,
  });
  t.equal(loadConfig({ SAM_ENCODE_QUEUE: '0' }).SAM_ENCODE_QUEUE, 0);
  t.equal(loadConfig({ SAM_CACHE_BYTES: '3M' }).SAM_CACHE_BYTES, 3 * 2 ** 20);
});

t.test("the README's table lists exactly the settings, in order", async (t) => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const table = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## Models'));
  t.same(
    [...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name),
    VARIABLES,
  );
});
