import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';

/** To one server, to the one that sentinels name, or to a cluster. */
export type Connection = Redis | Cluster;

const RECONNECT_MS = 1000;
const CONNECT_MS = 2000;
const PORT = { redis: 6379, sentinel: 26_379 };

export interface ConnectionOptions {
  /** For the log, which says when it is lost and when it is back. */
  readonly name: string;
  /** Whether commands wait for a connection that is lost, in place of failing at once. */
  readonly patient?: boolean;
  /** Milliseconds after which a command has failed. */
  readonly timeoutMs?: number;
  readonly logger: Logger;
}

/**
 * Begins to connect and goes on trying: a service starts without its Redis, and gets on with it when it comes.
 * @param url as `SAM_REDIS_URL`. Nothing of it is told but hosts: errors of the library carry the arguments of commands,
 *   and so the password.
 */
export function connect(url: string, { name, patient, timeoutMs, logger }: ConnectionOptions) {
  const connection = open(url, {
    enableOfflineQueue: patient ?? false,
    maxRetriesPerRequest: patient ? null : 0,
    autoResubscribe: false,
    connectTimeout: CONNECT_MS,
    ...(timeoutMs !== undefined && { commandTimeout: timeoutMs }),
    retryStrategy: (times) => Math.min(100 * times, RECONNECT_MS),
    // What was the first server has become a copy of another.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
  });
  let lost = false;
  connection.on('error', ({ message }: Error) => {
    if (!lost) logger.warn({ reason: message, connection: name }, 'Redis cannot be reached');
    lost = true;
  });
  connection.on('ready', () => {
    if (lost) logger.info({ connection: name }, 'Redis is back');
    lost = false;
  });
  connection.connect().catch(() => {});
  return connection;
}

/** Waits for a connection that has just been begun, unless it fails: for so long at most, since services start without. */
export async function settle(connection: Connection, ms: number): Promise<void> {
  if (connection.status === 'ready') return;
  await once(connection, 'ready', { signal: AbortSignal.timeout(ms) }).catch(() => {});
}

/** Ends a connection, whatever state it is in. */
export function disconnect(connection: Connection): void {
  connection.disconnect();
}

function open(url: string, options: Omit<RedisOptions, 'replyMapping'>): Connection {
  const { kind, tls, username, password, hosts, path } = parseRedisUrl(url);
  const access = { ...(username && { username }), ...(password && { password }) };
  const secure = tls ? { tls: {} } : {};
  const all = { ...options, ...access, ...secure, lazyConnect: true };
  if (kind === 'cluster') {
    const { enableOfflineQueue = false, ...redisOptions } = all;
    return new Cluster([...hosts], {
      lazyConnect: true,
      enableOfflineQueue,
      redisOptions,
      clusterRetryStrategy: (times) => Math.min(100 * times, RECONNECT_MS),
    });
  }
  if (kind === 'sentinel') {
    const [name = '', db = '0'] = path;
    const sentinels = { sentinels: [...hosts], name, db: Number(db) };
    // The library's `tls` alone reaches neither the sentinels nor whom they name.
    const secured = tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {};
    return new Redis({
      ...{ ...all, ...sentinels, ...secured },
      sentinelRetryStrategy: () => RECONNECT_MS,
    });
  }
  return new Redis({ ...all, ...hosts[0], db: Number(path[0] ?? 0) });
}

/** The parts of a URL that names one host or several. */
export function parseRedisUrl(url: string) {
  const [scheme = '', rest = ''] = url.split('://');
  const [, userinfo, authority = '', tail = ''] = /^(?:(.*)@)?([^/]*)\/?(.*)$/.exec(rest) ?? [];
  const [, username, password] = (/^([^:]*):?(.*)$/.exec(userinfo ?? '') ?? []).map(
    decodeURIComponent,
  );
  const [protocol, kind = 'single'] = scheme.split('-');
  const port = kind === 'sentinel' ? PORT.sentinel : PORT.redis;
  const hosts = authority.split(',').map((host) => {
    const { hostname, port: own } = new URL(`http://${host}`);
    // An IPv6 address stands in brackets, which are no part of it. A URL drops the port that is its scheme's own.
    const given = /:(\d+)$/.exec(host)?.[1] ?? own;
    return { host: hostname.replace(/^\[|\]$/g, ''), port: given ? Number(given) : port };
  });
  const path = tail.split('/').filter((part) => part !== '');
  return { kind, tls: protocol === 'rediss', username, password, hosts, path };
}
