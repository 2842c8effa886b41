import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { freePort } from '../test/fixtures/service-process.js';

const EXECUTABLE = '/usr/sbin/nginx';
const EXAMPLE = new URL('../deploy/proxies/nginx.conf', import.meta.url);

/** Why nothing is tried behind nginx; nothing where it can be. */
export const noNginx = existsSync(EXECUTABLE)
  ? false
  : `there is no ${EXECUTABLE}: NOT TRIED BEHIND NGINX`;

/** The nginx of deploy/proxies/ before services on this machine. */
export class Nginx {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, process: ChildProcess, folder: string) {
    this.url = url;
    this.#process = process;
    this.#folder = folder;
  }

  /**
   * Resolves when it listens.
   * @param services where they are. @param hashing whether paths with an id go by its hash, as in the example.
   */
  static async start(services: readonly string[], hashing = true): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
    const port = await freePort();
    const servers = services.map(
      (url) => `server ${new URL(url).host} max_fails=1 fail_timeout=2s;`,
    );
    const config = readFileSync(EXAMPLE, 'utf8')
      .replace(/server api:8080 .*;/, servers.join(' '))
      .replace('listen 8080;', `listen 127.0.0.1:${port};`)
      .replaceAll('/tmp/', `${folder}/`)
      .replace(/hash \$embedding consistent;/, hashing ? '$&' : '');
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, config);
    const process = spawn(EXECUTABLE, ['-c', file, '-g', 'daemon off;'], { stdio: 'inherit' });
    const nginx = new Nginx(`http://127.0.0.1:${port}`, process, folder);
    while (!(await fetch(`${nginx.url}/healthz`).catch(() => undefined))) {
      if (process.exitCode !== null) throw new Error(`${EXECUTABLE} ended: ${process.exitCode}`);
      await after(20);
    }
    return nginx;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGQUIT');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
