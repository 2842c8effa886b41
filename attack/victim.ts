import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  freePort,
  SERVICE,
  ServiceProcess,
  type Settings,
} from '../test/fixtures/service-process.js';
import { residentOf } from './process-tree.js';

export type Numbers = Record<string, number>;

const MIB = 2 ** 20;

/** A service under attack, which complains of errors only. */
export class Victim extends ServiceProcess {
  /** Where it may put temporary files: it has no reason to. */
  readonly #temporary: string;

  private constructor(port: number, settings: Settings, command: readonly string[]) {
    const TMPDIR = mkdtempSync(join(tmpdir(), 'victim-'));
    super(port, { TMPDIR, LOG_LEVEL: 'error', ...settings }, { command });
    this.#temporary = TMPDIR;
  }

  /**
   * Starts the service and waits until it is ready.
   * @param maxBytes of data that each of its processes may have; what wants more is refused by the kernel.
   */
  static async start(settings: Settings = {}, maxBytes?: number): Promise<Victim> {
    const command = [process.execPath, SERVICE];
    // util-linux' prlimit becomes the service: the process id is the same.
    if (maxBytes !== undefined && canLimit()) command.unshift('prlimit', `--data=${maxBytes}`);
    const victim = new Victim(await freePort(), settings, command);
    await victim.ready();
    return victim;
  }

  /** All gauges and counters by name and labels, as /metrics prints them. */
  async metrics(headers: Record<string, string> = {}): Promise<Numbers> {
    const signal = AbortSignal.timeout(30_000);
    const text = await (await fetch(`${this.url}/metrics`, { headers, signal })).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(
      lines.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  /** Resident memory in MiB, now. */
  get resident(): number {
    return this.#status('VmRSS');
  }

  /** The most resident memory since its start, in MiB. */
  get peak(): number {
    return this.#status('VmHWM');
  }

  #status(field: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return (Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / MIB;
  }

  /** Resident memory of the process and its children together, in MiB, now. */
  get residentOfAll(): number {
    return residentOf(this.pid);
  }

  /** Open files and sockets. */
  get files(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  get temporaryFiles(): string[] {
    return readdirSync(this.#temporary, { recursive: true }).map(String);
  }

  override async stop(): Promise<void> {
    await super.stop();
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** Loads files of `hooks/` into every thread of a victim. */
export function withHook(
  ...names: readonly ('accepted' | 'fault' | 'leak' | 'poison')[]
): Settings {
  const hooks = names.map((name) => {
    return `--import=${fileURLToPath(new URL(`./hooks/${name}.mjs`, import.meta.url))}`;
  });
  return { NODE_OPTIONS: [process.env['NODE_OPTIONS'] ?? '', ...hooks].join(' ').trim() };
}

/** Without util-linux nothing is refused: what a process takes is then only measured. */
function canLimit(): boolean {
  return spawnSync('prlimit', ['--version']).status === 0;
}
