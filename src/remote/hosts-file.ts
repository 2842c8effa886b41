import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

/** The names that this machine knows by itself, as /etc/hosts has them. */
export class HostsFile {
  readonly #path: string;
  #names: Map<string, string[]> | undefined;

  constructor(path = '/etc/hosts') {
    this.#path = path;
  }

  /**
   * The addresses of a name, none when it is not in the file, which is read once, when it is first needed. Every
   * name under `localhost` is this machine, whatever the file says (RFC 6761).
   */
  addressesOf(name: string): readonly string[] {
    if (/(?:^|\.)localhost$/.test(name)) return ['127.0.0.1', '::1'];
    this.#names ??= parse(read(this.#path));
    return this.#names.get(name) ?? [];
  }
}

/** A machine without the file knows no names. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function parse(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!isIP(address)) continue;
    for (const alias of aliases) {
      const name = alias.toLowerCase();
      names.set(name, [...(names.get(name) ?? []), address]);
    }
  }
  return names;
}
