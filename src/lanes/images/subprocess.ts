import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Frame, receiveFrames, sendFrame } from './frames.js';

/** A process that answers one message at a time, over a socket that it ends with. */
export class Subprocess<Head, Reply> {
  /** Settles with the first message, by which the process says that it is there. */
  readonly ready: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #line: Socket;
  #waiting: PromiseWithResolvers<Frame<Reply>> = withResolvers();
  #dead = false;

  /** @param script that finds its end of the socket as file 3. */
  constructor(script: URL) {
    // What the service was started with to load other than JavaScript is not what the script is written in.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#process = spawn(process.execPath, ['--expose-gc', fileURLToPath(script)], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      // glibc keeps memory for each thread that it has freed.
      env: { ...env, MALLOC_ARENA_MAX: '2' },
    });
    this.#line = this.#process.stdio[3] as Socket;
    this.ready = this.#waiting.promise;
    // The next question gets the error; until then it is nobody's failure.
    this.ready.catch(() => {});
    receiveFrames<Reply>(this.#line, (frame) => this.#waiting.resolve(frame));
    this.#process.on('error', (error) => this.end(error));
    this.#line.on('error', (cause) => this.end(new ProcessDied('the process hung up', { cause })));
    this.#process.on('exit', (code, signal) => {
      this.end(new ProcessDied(`the process ended: ${signal ?? `code ${code}`}`));
    });
    this.#line.on('close', () => this.end(new ProcessDied('the process hung up')));
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Of the system; undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Sends a message and waits for what is said to it. @throws ProcessDied, or what `end` was called with */
  ask(head: Head, parts: readonly Uint8Array[]): Promise<Frame<Reply>> {
    this.#waiting = withResolvers();
    if (this.#dead) this.#waiting.reject(new ProcessDied('the process is gone'));
    else sendFrame(this.#line, { head, parts });
    return this.#waiting.promise;
  }

  /** Kills the process, whatever it is at. @param reason for the question that waits for an answer. */
  end(reason: Error): void {
    this.#dead = true;
    this.#process.kill('SIGKILL');
    this.#line.destroy();
    this.#waiting.reject(reason);
  }
}

/** A process came to an end that nobody wanted. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

/** As `Promise.withResolvers`, which Node.js has from 22 only. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let settle: Pick<PromiseWithResolvers<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as NonNullable<typeof settle>) };
}
