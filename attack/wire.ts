import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Whom an attack is for, and from where it comes. */
export interface Target {
  readonly port: number;
  /** Of an embedded picture. */
  readonly id: string;
  /** A loopback address. */
  readonly from: string;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
}

/** One connection on which everything is in the hands of the sender: bytes, their pace, and what is read. */
export class Wire {
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;
  #text = '';
  #bytes = 0;
  #open = true;

  private constructor({ port, from, signal }: Target) {
    this.#socket = connect({ port, host: '127.0.0.1', localAddress: from });
    this.#socket.on('error', () => {});
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#open = false;
        resolve(undefined);
      });
    });
    const end = () => this.#socket.destroy();
    signal?.addEventListener('abort', end);
    this.#socket.once('close', () => signal?.removeEventListener('abort', end));
    if (signal?.aborted) end();
  }

  static async open(target: Target): Promise<Wire> {
    const wire = new Wire(target);
    await Promise.race([once(wire.#socket, 'connect').catch(() => {}), wire.#closed]);
    return wire;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Bytes that have come back. */
  get received(): number {
    return this.#bytes;
  }

  /** Sends bytes, and waits until the other side takes them or the connection ends. */
  async send(bytes: string | Uint8Array): Promise<void> {
    if (!this.#open) return;
    const taken = new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()));
    await Promise.race([taken, this.#closed]);
  }

  /** Sends nothing more. */
  finish(): void {
    this.#socket.end();
  }

  /** Reads to the end of the connection. Gives the status, 0 when none came, and the first bytes of the answer. */
  async answer(): Promise<{ status: number; text: string }> {
    this.#socket.on('data', (data: Buffer) => {
      this.#bytes += data.length;
      if (this.#text.length < 4096) this.#text += data.toString('latin1');
    });
    await this.#closed;
    return { status: statusOf(this.#text), text: this.#text };
  }

  /** Waits for the first bytes of an answer and leaves the rest unread. */
  async status(): Promise<number> {
    const first = once(this.#socket, 'readable').catch(() => {});
    await Promise.race([first, this.#closed]);
    const data = this.#socket.read() as Buffer | null;
    return statusOf(data?.toString('latin1', 0, 64) ?? '');
  }

  /** Waits until the other side has had enough, `ms` at most, and then ends the connection. */
  async hold(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([patience, this.#closed]);
    clearTimeout(timer);
    this.close();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Of the last answer's head, past what was said in between, such as `100 Continue`. */
function statusOf(text: string): number {
  const final = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, digits]) => Number(digits));
  return final.find((status) => status >= 200) ?? 0;
}

/** The head of a request. */
export function head(
  method: string,
  path: string,
  fields: Record<string, string | number> = {},
): string {
  const lines = Object.entries({ host: 'victim', connection: 'close', ...fields });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A body in chunks of `size` bytes, without the chunk that ends it. */
export function chunked(body: Uint8Array, size: number): Buffer {
  const parts: Buffer[] = [];
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  for (let at = 0; at < bytes.length; at += size) {
    const data = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

export const LAST_CHUNK = '0\r\n\r\n';

/** Sends a whole request on a connection of its own, and reads the answer. */
export async function exchange(
  target: Target,
  start: string,
  ...bodies: readonly (string | Uint8Array)[]
): Promise<{ status: number; text: string }> {
  const wire = await Wire.open(target);
  const answer = wire.answer();
  await wire.send(start);
  for (const body of bodies) await wire.send(body);
  return answer;
}

/** Sends JSON, and reads the answer. */
export function post(target: Target, path: string, value: unknown, accept = '*/*') {
  const body = Buffer.from(JSON.stringify(value));
  const fields = { 'content-type': 'application/json', accept, 'content-length': body.length };
  return exchange(target, head('POST', path, fields), body);
}
