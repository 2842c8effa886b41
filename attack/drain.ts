import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import type { Settings } from '../test/fixtures/service-process.js';
import { Client, check } from './client.js';
import { idOf, PICTURE } from './images.js';
import { type Victim, withHook } from './victim.js';

export interface DrainFigures {
  readonly rounds: number;
  readonly answered: number;
  /**
   * Connections refused after the listener closed, and those that the kernel had taken and the process had not when it
   * did: never accepted, so nobody's request.
   */
  readonly notAccepted: number;
  readonly reset: number;
  /** Seconds from the signal to the exit, at most. */
  readonly slowestExit: number;
}

/** Lets a victim note in `file` which connections it accepts. */
export function accepting(file: string): Settings {
  return { ...withHook('accepted'), ACCEPTED_FILE: file };
}

/**
 * SIGTERM while clients click over connections that are kept alive.
 * @param file the victims' ACCEPTED_FILE
 */
export async function drain(
  rounds: number,
  file: string,
  start: () => Promise<Victim>,
): Promise<DrainFigures> {
  const figures = { rounds, answered: 0, notAccepted: 0, reset: 0, slowestExit: 0 };
  for (let round = 0; round < rounds; round++) {
    const victim = await start();
    // Ports come again: only connections from here on are asked for.
    rmSync(file, { force: true });
    const isAccepted = (port: number) => readFileSync(file, 'utf8').split('\n').includes(`${port}`);
    const client = new Client(victim.url);
    check((await client.embed(PICTURE)).status < 300, 'the picture is embedded');
    let ended = false;
    const clicks = Array.from({ length: 8 }, async () => {
      while (!ended) {
        const {
          status,
          error,
          port = 0,
        } = await client.decode(idOf(PICTURE), { box: [40, 40, 140, 140] });
        if (status === 200) figures.answered++;
        else if (error === 'ECONNREFUSED' || (error === 'ECONNRESET' && !isAccepted(port))) {
          figures.notAccepted++;
          await after(5);
        } else {
          figures.reset++;
          console.log(`a click ended with ${error ?? status}`);
        }
      }
    });
    await after(300);
    const signalled = performance.now();
    victim.kill('SIGTERM');
    const { code } = await victim.ended();
    figures.slowestExit = Math.max(figures.slowestExit, (performance.now() - signalled) / 1000);
    ended = true;
    await Promise.all(clicks);
    client.close();
    check(code === 0, `it exits with 0, not ${code}`);
  }
  check(figures.reset === 0, `no accepted request is reset: ${figures.reset} were`);
  return figures;
}
