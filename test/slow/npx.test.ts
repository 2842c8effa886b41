import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form } from '../fixtures/service.js';
import { freePort } from '../fixtures/service-process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

t.test('the package starts in a folder that has nothing else', async (t) => {
  // Elsewhere: in a folder of ours npm would find our package.json and .npmrc above.
  const place = mkdtempSync(join(tmpdir(), 'sam-split-npx-'));
  t.teardown(() => rmSync(place, { recursive: true, force: true }));
  const [cwd, ownCache] = [join(place, 'empty'), join(place, 'cache')];
  for (const path of [cwd, ownCache]) mkdirSync(path);
  const pack = ['--import=tsx', 'scripts/pack.ts', cwd];
  const file = (await run(process.execPath, pack, { cwd: ROOT })).stdout.trim();

  // Nothing of what npm is told here holds there, as it would by way of `npm run`; only what npm has downloaded before
  // need not come again.
  const cache = (await run('npm', ['config', 'get', 'cache'])).stdout.trim();
  const downloads = join(cache, '_cacache');
  mkdirSync(downloads, { recursive: true });
  symlinkSync(downloads, join(ownCache, '_cacache'));
  const ours = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS)/i.test(name));
  const port = await freePort();
  const env = {
    ...Object.fromEntries(ours),
    npm_config_cache: ownCache,
    npm_config_prefer_offline: 'true',
    HOST: '127.0.0.1',
    PORT: String(port),
  };
  const npx = (...args: string[]) =>
    spawn('npx', ['--yes', `./${file}`, ...args], { env, cwd, detached: true });

  const said = npx('--version');
  const [words, errors] = await Promise.all([text(said.stdout), text(said.stderr)]);
  if (/network request to \S+ failed/.test(errors)) {
    await t.test('npx', { skip: 'NOT TESTED: npm reaches no registry' }, async () => {});
    return;
  }
  t.match(words, /^\d+\.\d+\.\d+\n$/, errors);

  const service = npx();
  let log = '';
  const ready = new Promise((resolve) => {
    service.stdout.on('data', (part) => {
      log += part;
      if (log.includes('"msg":"ready"')) resolve(true);
    });
  });
  const gone = once(service, 'exit');
  t.teardown(() => {
    if (service.exitCode === null) process.kill(-(service.pid as number), 'SIGKILL');
  });
  const url = `http://127.0.0.1:${port}`;
  t.equal(await Promise.race([ready, gone]), true, log);
  const prompt = { point_coords: [[32, 24]], point_labels: [1] };
  const segmented = await fetch(`${url}/segment`, {
    method: 'POST',
    body: form(await draw(scene(1)), prompt),
  });
  t.equal(segmented.status, 200, await segmented.text());
  const page = await fetch(url, { headers: { accept: 'text/html' } });
  t.equal(page.status, 200);
  t.equal(page.url, existsSync(join(ROOT, 'dist/web')) ? `${url}/` : `${url}/docs`);

  const [installed = ''] = readdirSync(join(ownCache, '_npx'));
  const packages = join(ownCache, '_npx', installed, 'node_modules');
  t.ok(existsSync(join(packages, 'fastify')));
  for (const name of ['onnxruntime-web', 'typescript']) {
    t.notOk(existsSync(join(packages, name)), `${name} stays away`);
  }
  process.kill(-(service.pid as number), 'SIGTERM');
  await gone;
  t.match(log, /"msg":"draining"/);
  t.same(readdirSync(cwd), [file], 'and leaves nothing there');
});
