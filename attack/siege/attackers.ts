import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Deeds, Orders } from './attacker.js';

const ATTACKER = fileURLToPath(new URL('./attacker.ts', import.meta.url));

/** Attackers in processes of their own, so that whoever measures does not wait for them. */
export class Attackers {
  readonly #processes: readonly ChildProcess[];

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
  }

  /** Starts a process for each list of kinds, and waits until all have made ready what they send. */
  static async prepare(
    orders: Omit<Orders, 'kinds'>,
    ...kinds: readonly (readonly string[])[]
  ): Promise<Attackers> {
    const processes = kinds.map((names) =>
      fork(ATTACKER, [JSON.stringify({ ...orders, kinds: names })], {
        execArgv: ['--import=tsx'],
        // Test runners load themselves into whatever is started.
        env: { ...process.env, NODE_OPTIONS: '' },
      }),
    );
    const attackers = new Attackers(processes);
    await Promise.all(processes.map((each) => told(each)));
    return attackers;
  }

  start(): void {
    for (const each of this.#processes) each.send('start');
  }

  /** Ends all attacks. */
  async stop(): Promise<Deeds> {
    const deeds = this.#processes.map((each) => told(each) as Promise<Deeds>);
    for (const each of this.#processes) each.send('stop');
    const all = await Promise.all(deeds);
    return {
      statuses: Object.assign({}, ...all.map(({ statuses }) => statuses)),
      processor: all.reduce((sum, { processor }) => sum + processor, 0),
    };
  }

  kill(): void {
    for (const each of this.#processes) each.kill('SIGKILL');
  }
}

/** What a process says next. @throws when it ends without a word */
async function told(process: ChildProcess): Promise<unknown> {
  const end = new AbortController();
  try {
    const ended = once(process, 'exit', { signal: end.signal }).then(() => {
      throw new Error('an attacker died');
    });
    const [message] = await Promise.race([once(process, 'message', { signal: end.signal }), ended]);
    return message;
  } finally {
    end.abort();
  }
}
