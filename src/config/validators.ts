import { isIP } from 'node:net';
import { EnvError, makeValidator } from 'envalid';
import { MODEL_NAME } from '../core/family/model-name.js';

const SUFFIXES: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A number of bytes: digits, or digits with K, M or G for powers of 1024. */
export const bytes = makeValidator<number>((input) => {
  const match = /^(\d+)([KMG]?)$/.exec(input);
  const value = Number(match?.[1]) * (SUFFIXES[match?.[2] ?? ''] ?? 1);
  if (!match || !Number.isSafeInteger(value) || value === 0) {
    throw new EnvError('must be a positive number of bytes such as 1073741824, 512M or 1G');
  }
  return value;
});

/** Bytes, or `off`: no limit, as 0. */
export const limit = makeValidator<number>((input) =>
  input === 'off' ? 0 : bytes({ default: 0 })._parse(input),
);

/** Names of models, separated by commas. */
export const names = makeValidator<readonly [string, ...string[]]>((input) => {
  const [first = '', ...others] = input.split(',').map((name) => name.trim());
  const all = [first, ...others];
  if (!all.every((name) => MODEL_NAME.test(name))) {
    throw new EnvError('must be names of models separated by commas, such as mobile_sam,vit_b');
  }
  if (new Set(all).size < all.length) throw new EnvError('names a model twice');
  return [first, ...others];
});

const count = (least: number) =>
  makeValidator<number>((input) => {
    const value = Number(input);
    if (!/^\d+$/.test(input) || !Number.isSafeInteger(value) || value < least) {
      throw new EnvError(`must be a whole number of at least ${least}`);
    }
    return value;
  });
/** A whole number of at least 1. */
export const positive = count(1);
/** A whole number of at least 0. */
export const natural = count(0);

function split(list: string): string[] {
  const items = list.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}

/** Names of hosts, separated by commas. */
export const hosts = makeValidator<readonly string[]>(split);

/** Origins as browsers send them, `https://host[:port]`, or `*`. */
export const origins = makeValidator<readonly string[]>((input) => {
  const found = split(input);
  for (const origin of found) {
    if (origin === '*') continue;
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new EnvError(`${origin} is not an origin such as https://app.example.com, or *`);
    }
  }
  return found;
});

/** Addresses and networks, separated by commas. */
export const networks = makeValidator<readonly string[]>((input) => {
  const found = split(input);
  for (const network of found) {
    const [address = '', prefix = '0', rest] = network.split('/');
    const bits = isIP(address) === 4 ? 32 : 128;
    if (isIP(address) === 0 || !/^\d+$/.test(prefix) || Number(prefix) > bits || rest) {
      throw new EnvError(`${network} is not an address or a network such as 10.0.0.0/8`);
    }
  }
  return found;
});

const REDIS_SCHEMES = ['redis', 'rediss'].flatMap((scheme) =>
  ['', '-sentinel', '-cluster'].map((kind) => `${scheme}${kind}:`),
);

/** Where a Redis is. What is said of a wrong one names none of it: it may hold a password. */
export const redis = makeValidator<string>((input) => {
  const [scheme = '', rest = ''] = input.split('//');
  // Sentinels and nodes of a cluster are several, which no URL has: the first stands for them.
  const first = `http://${rest.replace(/,[^/?]*/, '')}`;
  if (!REDIS_SCHEMES.includes(scheme) || !URL.canParse(first)) {
    throw new EnvError(
      'must be redis://[user:password@]host[:port][/database], with rediss for TLS, or ' +
        'redis-sentinel://host:port,host:port/name, or redis-cluster://host:port,host:port',
    );
  }
  if (scheme.includes('-sentinel') && !new URL(first).pathname.slice(1)) {
    throw new EnvError('must name the service that the sentinels watch: …/name');
  }
  return input;
});
