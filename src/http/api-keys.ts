import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { StartupError } from '../core/errors.js';

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
const LOOK_EVERY_MS = 1000;

/**
 * The keys of a file, which holds their digests only. One key a line: `<name> <scopes> <sha256 of the key>`,
 * scopes with commas between; what follows a `#` is a remark.
 */
export class ApiKeys {
  readonly #file: string;
  #entries: readonly Entry[];

  /** @throws StartupError naming the line that is wrong */
  constructor(file: string) {
    this.#file = file;
    this.#entries = read(file);
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
   * Takes over what the file says from now on. A file that is wrong changes nothing.
   * @param onChange told of each attempt, with what was wrong.
   */
  watch(onChange: (error?: unknown) => void): void {
    // By looking, since editors and secret mounts replace the file, which watchers of an inode miss.
    watchFile(this.#file, { interval: LOOK_EVERY_MS, persistent: false }, () => {
      try {
        this.#entries = read(this.#file);
        onChange();
      } catch (error) {
        onChange(error);
      }
    });
  }

  close(): void {
    unwatchFile(this.#file);
  }
}

function read(file: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartupError(`SAM_API_KEYS_FILE: ${error instanceof Error ? error.message : error}`);
  }
  const entries = text.split('\n').flatMap((line, i) => {
    const entry = line.replace(/#.*/, '').trim();
    return entry ? [parse(entry, `SAM_API_KEYS_FILE, line ${i + 1}`)] : [];
  });
  const names = new Set(entries.map(({ name }) => name));
  if (names.size < entries.length) throw new StartupError('SAM_API_KEYS_FILE: a name stands twice');
  return entries;
}

function parse(line: string, place: string): Entry {
  const { name, scopes, digest } = LINE.exec(line)?.groups ?? {};
  if (!name || !scopes || !digest) {
    throw new StartupError(`${place}: must be <name> <scopes> <sha256 of the key in hex>`);
  }
  const unknown = scopes.split(',').find((scope) => !SCOPES.includes(scope as Scope));
  if (unknown !== undefined) {
    throw new StartupError(`${place}: ${unknown || 'nothing'} is none of ${SCOPES.join(', ')}`);
  }
  return {
    name,
    scopes: new Set(scopes.split(',') as Scope[]),
    digest: Buffer.from(digest, 'hex'),
  };
}
