import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { folder } from '../fixtures/folder.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Modules of `dist/fleet/`, and of the libraries it needs, that a service loads. */
function loaded(log: string, settings: Record<string, string>): string[] {
  const args = [file('./fixtures/loaded.mjs'), file('../../dist'), log];
  const env = { ...process.env, ...settings };
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  const all = stdout.split('\n');
  if (!all.some((line) => line.endsWith('/dist/app.js')))
    throw new Error(`nothing is seen: ${stderr}`);
  return all.filter((line) =>
    /\/dist\/(fleet|parts\/fleet)|node_modules\/(ioredis|bullmq)\//.test(line),
  );
}

t.test('without a Redis nothing of it is loaded', async (t) => {
  const directory = folder(t);
  t.same(loaded(join(directory, 'alone'), {}), []);
  const shared = loaded(join(directory, 'shared'), { SAM_REDIS_URL: 'redis://127.0.0.1:1' });
  t.ok(shared.length > 10, 'and with one it is seen');
});
