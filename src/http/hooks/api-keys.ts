import { createHash, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { OperatorError } from '../../core/errors.js';

/** What a key may open: `admin` drops embeddings and reads the metrics. */
export const SCOPES = ['embed', 'decode', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  /** For logs and rate limits; says nothing of the key itself. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

interface Entry extends ApiKey {
  readonly digest: Buffer;
}

const LINE = /^(?<name>[\w.-]{1,64})\s+(?<scopes>[a-z,]+)\s+(?<digest>[0-9a-f]{64})$/;
/** Some ten thousand keys. */
const MAX_BYTES = 2 ** 20;
const LOOK_EVERY_MS = 1000;
const REMIND_EVERY_MS = 60_000;

/**
 * The keys of a file, which holds their digests only. One key a line: `<name> <scopes> <sha256 of the key>`,
 * scopes with commas between; what follows a `#` is a remark.
 */
export class ApiKeys {
  readonly #file: string;
  #entries: readonly Entry[];
  #invalid = false;
  /** What the file looked like before it was last read, so that no change in between is missed. */
  #seen: string;
  #looks: NodeJS.Timeout | undefined;

  /** @throws OperatorError naming the line that is wrong, or what else is wrong with the file */
  constructor(file: string) {
    this.#file = file;
    this.#seen = looksOf(file);
    this.#entries = read(file);
  }

  /** Whether the file is wrong or gone, so that the keys are those it had before. */
  get invalid(): boolean {
    return this.#invalid;
  }

  /** The key that `token` is. Takes the same time whichever it is, and if it is none. */
  find(token: string): ApiKey | undefined {
    const digest = createHash('sha256').update(token).digest();
    let found: ApiKey | undefined;
    for (const entry of this.#entries) {
      if (timingSafeEqual(entry.digest, digest)) found = entry;
    }
    return found;
  }

  /**
   * Takes over what the file says from now on. A file that is wrong, empty or gone changes nothing.
   * @param onRead told of each change, with what is wrong, and again while it is.
   */
  watch(onRead: (error?: unknown) => void, remindEveryMs = REMIND_EVERY_MS): void {
    let told = 0;
    const look = () => {
      const looks = looksOf(this.#file);
      const due = this.#invalid && performance.now() - told >= remindEveryMs;
      if (looks === this.#seen && !due) return;
      this.#seen = looks;
      told = performance.now();
      try {
        this.#entries = read(this.#file);
        this.#invalid = false;
        onRead();
      } catch (error) {
        this.#invalid = true;
        onRead(error);
      }
    };
    // By looking, since editors and secret mounts replace the file, which watchers of an inode miss.
    this.#looks = setInterval(look, Math.min(LOOK_EVERY_MS, remindEveryMs)).unref();
  }

  close(): void {
    clearInterval(this.#looks);
  }
}

/** What tells one state of a file from another; the same for all in which it cannot be looked at. */
function looksOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return '';
  }
}

function read(file: string): Entry[] {
  const entries = new Map<number, Entry>();
  for (const [i, line] of textOf(file).split('\n').entries()) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry) entries.set(i + 1, parse(entry, `SAM_API_KEYS_FILE, line ${i + 1}`));
  }
  // Without a key nobody would be let in: that is said by an empty file less often than a file is cut off.
  if (entries.size === 0) throw new OperatorError('SAM_API_KEYS_FILE: holds no key');
  refuseTwice(entries, ({ name }) => name, 'have the same name');
  refuseTwice(entries, ({ digest }) => digest.toString('hex'), 'are the same key');
  return [...entries.values()];
}

/** @throws OperatorError where it is no regular file: one that is a pipe would be waited for */
function textOf(file: string): string {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new Error(`${file} is not a regular file`);
      if (stats.size > MAX_BYTES) throw new Error(`${file} has more than ${MAX_BYTES} bytes`);
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new OperatorError(`SAM_API_KEYS_FILE: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws OperatorError naming two lines that share what no two may share */
function refuseTwice(
  entries: ReadonlyMap<number, Entry>,
  what: (entry: Entry) => string,
  problem: string,
): void {
  const lines = new Map<string, number>();
  for (const [line, entry] of entries) {
    const first = lines.get(what(entry));
    if (first !== undefined) {
      throw new OperatorError(`SAM_API_KEYS_FILE: lines ${first} and ${line} ${problem}`);
    }
    lines.set(what(entry), line);
  }
}

function parse(line: string, place: string): Entry {
  const { name, scopes, digest } = LINE.exec(line)?.groups ?? {};
  if (!name || !scopes || !digest) {
    throw new OperatorError(`${place}: must be <name> <scopes> <sha256 of the key in hex>`);
  }
  const unknown = scopes.split(',').find((scope) => !SCOPES.includes(scope as Scope));
  if (unknown !== undefined) {
    throw new OperatorError(`${place}: ${unknown || 'nothing'} is none of ${SCOPES.join(', ')}`);
  }
  return {
    name,
    scopes: new Set(scopes.split(',') as Scope[]),
    digest: Buffer.from(digest, 'hex'),
  };
}
