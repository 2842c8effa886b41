import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { residentOf } from './process-tree.js';

export type Settings = Record<string, string>;
export type Numbers = Record<string, number>;

const MIB = 2 ** 20;

/** A service under attack, as a process of its own, listening on this machine only. */
export class Victim {
  readonly url: string;
  readonly port: number;
  /** Where it may put temporary files: it has no reason to. */
  readonly #temporary = mkdtempSync(join(tmpdir(), 'victim-'));
  readonly #process: ChildProcess;
  /** What it said on standard error, and in its log above warnings. */
  readonly complaints: string[] = [];

  private constructor(port: number, settings: Settings, maxBytes: number | undefined) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    const env = {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      TMPDIR: this.#temporary,
      LOG_LEVEL: 'error',
      ...settings,
    };
    // util-linux' prlimit becomes the service: the process id is the same.
    const limit = [`--data=${maxBytes}`, process.execPath, BUILT];
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    this.#process =
      maxBytes !== undefined && canLimit()
        ? spawn('prlimit', limit, { env, stdio })
        : spawn(process.execPath, [BUILT], { env, stdio });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n')) if (/\S/.test(line)) this.complaints.push(line);
      });
    }
  }

  /**
   * Starts the service and waits until it is ready.
   * @param maxBytes of data that each of its processes may have; what wants more is refused by the kernel.
   */
  static async start(settings: Settings = {}, maxBytes?: number): Promise<Victim> {
    const victim = new Victim(await freePort(), settings, maxBytes);
    for (let waited = 0; !(await victim.#ready()); waited += 50) {
      if (!victim.alive || waited > 120_000) {
        throw new Error(`the service did not start: ${victim.complaints.join('\n')}`);
      }
      await after(50);
    }
    return victim;
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  async #ready(): Promise<boolean> {
    const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer?.ok ?? false;
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

  /** The most resident memory since `forgetPeak`, in MiB. */
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

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves when the process has ended. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    if (this.alive) await once(this.#process, 'exit');
    return { code: this.#process.exitCode, signal: this.#process.signalCode };
  }

  async stop(): Promise<void> {
    this.kill('SIGTERM');
    // Native code may keep a process from hearing of it.
    const last = setTimeout(() => this.kill('SIGKILL'), 40_000);
    await this.ended();
    clearTimeout(last);
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** Loads files of `hooks/` into every thread of a victim. */
export function withHook(...names: readonly ('fault' | 'leak')[]): Settings {
  const hooks = names.map((name) => {
    return `--import=${fileURLToPath(new URL(`./hooks/${name}.mjs`, import.meta.url))}`;
  });
  return { NODE_OPTIONS: [process.env['NODE_OPTIONS'] ?? '', ...hooks].join(' ').trim() };
}

/** Without util-linux nothing is refused: what a process takes is then only measured. */
function canLimit(): boolean {
  return spawnSync('prlimit', ['--version']).status === 0;
}

/** What `npm start` runs. */
const BUILT = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A port nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
