import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { until } from '../fixtures/gauges.js';
import { post } from '../fixtures/post.js';
import {
  ask,
  asUser,
  noRedis,
  RedisServer,
  scratch,
  startRedis,
  userOptions,
} from '../fixtures/redis.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form } from '../fixtures/service.js';
import { freePort, ServiceProcess, type Settings } from '../fixtures/service-process.js';

const OPENSSL = '/usr/bin/openssl';
const noTls = noRedis || (existsSync(OPENSSL) ? false : `there is no ${OPENSSL}: TLS NOT TESTED`);

/** Two replicas and an encode worker around one Redis, of whatever kind. */
async function startFleet(t: Test, url: string, more: Settings = {}) {
  const settings = {
    SAM_REDIS_URL: url,
    SAM_REDIS_TIMEOUT_MS: '5000',
    SAM_ENCODE_THREADS: '1',
    SAM_DECODE_WORKERS: '1',
    ...more,
  };
  const encoder = await ServiceProcess.launchEncoder({ ...settings, LOG_LEVEL: 'info' });
  const launch = () => ServiceProcess.launch({ ...settings, SAM_ENCODE: 'queue' });
  const [a, b] = [await launch(), await launch()];
  for (const each of [encoder, a, b]) t.teardown(() => each.stop());
  await Promise.all([encoder.ready(), a.ready(), b.ready()]);
  return { encoder, a, b };
}

/** Uploads a picture at one, clicks on it at the other, refines it by a token, and deletes it. */
async function use(t: Test, { a, b }: { a: ServiceProcess; b: ServiceProcess }, number: number) {
  const picture = await draw(scene(number));
  const id = `mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
  let embedded = await post(`${a.url}/embed`, form(picture));
  // While another server takes over, it is refused.
  for (let tries = 60; embedded.status === 503 && tries > 0; tries--) {
    await embedded.text();
    await after(500);
    embedded = await post(`${a.url}/embed`, form(picture));
  }
  t.equal(embedded.status, 201, await embedded.text());
  const prompt = { embedding_id: id, box: [9, 9, 99, 99], multimask_output: false };
  const click = await post(`${b.url}/decode`, { ...prompt, return_logits_token: true });
  const { results } = (await click.json()) as {
    results: { masks: { logits_token: string }[] }[];
  };
  const token = results[0]?.masks[0]?.logits_token;
  const refined = await post(`${a.url}/decode`, { ...prompt, mask_input: { token } });
  t.equal(refined.status, 200, 'a token travels');
  await refined.text();
  const deleted = await fetch(`${a.url}/embeddings/${id}`, { method: 'DELETE' });
  t.equal(deleted.status, 204, await deleted.text());
  // In a cluster a deletion may reach the other replica a moment after the answer.
  const gone = async () => {
    const again = await post(`${b.url}/decode`, prompt);
    await again.text();
    return again.status === 404;
  };
  t.ok(await until(gone), 'and the deletion');
}

/** Makes a certificate authority, and a certificate for this machine. */
function certificates(t: Test) {
  const at = scratch(t);
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync(OPENSSL, args, { cwd: at, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  writeFileSync(join(at, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=a test');
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.crt');
  const file = (name: string) => join(at, name);
  const options = [
    ...['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')],
    ...['--tls-ca-cert-file', file('ca.crt'), '--tls-auth-clients', 'no'],
    ...['--tls-replication', 'yes'],
  ];
  return { options, settings: { NODE_EXTRA_CA_CERTS: file('ca.crt') } };
}

const SECURE = ['--port', '0', '--tls-port', '%port'];

t.test('by TLS, as a user', { skip: noTls }, async (t) => {
  const { options, settings } = certificates(t);
  const server = await startRedis(t, ...SECURE, ...options, ...userOptions());
  const url = asUser(server.url).replace('redis:', 'rediss:');
  const fleet = await startFleet(t, url, settings);
  await use(t, fleet, 1);
  for (const { log } of [fleet.encoder, fleet.a]) t.notMatch(log.join('\n'), 'secret');
});

/** Names the server of others that is the first. */
class Sentinel extends RedisServer {
  readonly #file: string;

  constructor(port: number, directory: string, master: number, options: readonly string[]) {
    super(port, directory, []);
    this.#file = join(directory, 'sentinel.conf');
    const lines = [
      ...[`dir ${directory}`, 'bind 127.0.0.1', `sentinel monitor main 127.0.0.1 ${master} 1`],
      ...['sentinel down-after-milliseconds main 3000', 'sentinel failover-timeout main 5000'],
      // Options as a file has them.
      ...(options.length > 0 ? ['port 0', `tls-port ${port}`] : [`port ${port}`]),
      ...options.join(' ').split('--').filter(Boolean),
    ];
    writeFileSync(this.#file, `${lines.join('\n')}\n`);
  }

  protected override get arguments(): string[] {
    return [this.#file, '--sentinel'];
  }
}

/** A server, a copy of it, and a sentinel that puts the one in the other's place. */
async function failOver(t: Test, tls: { options: string[]; settings: Settings } | undefined) {
  const { options, settings } = tls ?? { options: [], settings: {} };
  const all = tls ? [...SECURE, ...options] : [];
  const first = await startRedis(t, ...all);
  await startRedis(t, ...all, '--replicaof', '127.0.0.1', `${first.port}`);
  const sentinel = new Sentinel(await freePort(), scratch(t), first.port, options);
  t.teardown(() => sentinel.stop());
  await sentinel.start();
  const scheme = tls ? 'rediss-sentinel' : 'redis-sentinel';
  const fleet = await startFleet(t, `${scheme}://127.0.0.1:${sentinel.port}/main`, settings);
  await use(t, fleet, 1);
  await first.stop();
  await use(t, fleet, 2);
}

t.test('sentinels name another server', { skip: noRedis }, (t) => failOver(t, undefined));

t.test('and do so by TLS', { skip: noTls }, (t) => failOver(t, certificates(t)));

t.test('a cluster', { skip: noRedis }, async (t) => {
  const start = async () => {
    const bus = ['--cluster-port', `${await freePort()}`];
    const file = ['--cluster-config-file', 'nodes-%port.conf'];
    return {
      bus: Number(bus[1]),
      server: await startRedis(t, '--cluster-enabled', 'yes', ...bus, ...file),
    };
  };
  const nodes = [await start(), await start(), await start()];
  const [first] = nodes;
  const clients = nodes.map(({ server }) => ask(t, server));
  const third = Math.ceil(16_384 / 3);
  for (const [i, client] of clients.entries()) {
    const last = Math.min(16_383, (i + 1) * third - 1);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', i * third, last);
    if (i > 0)
      await client.call('CLUSTER', 'MEET', '127.0.0.1', first?.server.port ?? 0, first?.bus ?? 0);
  }
  for (const client of clients) {
    t.ok(await until(async () => /cluster_state:ok/.test(await client.cluster('INFO'))));
  }
  const hosts = nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',');
  const fleet = await startFleet(t, `redis-cluster://${hosts}`);
  for (const number of [1, 2, 3]) await use(t, fleet, number);
});
