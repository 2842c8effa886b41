import { Agent, type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as after } from 'node:timers/promises';

/** What came back, or 0 for a connection that was refused or broke. */
export interface Reply {
  readonly status: number;
  readonly error?: string;
  /** This side's port of a connection that broke. */
  readonly port?: number | undefined;
  readonly ms: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly type?: string;
  readonly accept?: string;
  /** The body's Content-Encoding. */
  readonly encoding?: string;
  readonly body?: Buffer | string;
  /** Bytes that are sent at once; without it all of them. */
  readonly piece?: number;
  /** Whether the length of such a body is not said beforehand. */
  readonly chunked?: boolean;
  /** How the answer is read: to its end, slowly, or only its beginning. */
  readonly reading?: 'whole' | 'slow' | 'beginning';
}

/** A client with connections of its own, kept open. */
export class Client {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #patienceMs: number | undefined;

  /**
   * @param patienceMs after which it gives an answer up, or never.
   * @param localAddress from which it comes.
   */
  constructor(url: string, patienceMs?: number, localAddress?: string) {
    this.#url = url;
    this.#patienceMs = patienceMs;
    this.#agent = new Agent({
      ...{ keepAlive: true, maxSockets: 2000 },
      ...(localAddress !== undefined && { localAddress }),
    });
  }

  send(call: Call): Promise<Reply> {
    const { method = 'POST', path, body, reading = 'whole' } = call;
    const start = performance.now();
    const done = (status: number, headers: IncomingHttpHeaders = {}, chunks: Buffer[] = []) => ({
      ...{ status, headers, ms: performance.now() - start, body: Buffer.concat(chunks) },
    });
    return new Promise((resolve) => {
      const ms = this.#patienceMs;
      const patience = ms === undefined ? {} : { signal: AbortSignal.timeout(ms) };
      const outgoing = request(
        this.#url + path,
        { method, agent: this.#agent, headers: headersOf(call), ...patience },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk) => {
            chunks.push(chunk);
            if (reading === 'whole') return;
            incoming.pause();
            if (reading === 'slow') setTimeout(() => incoming.resume(), 2);
            else {
              resolve(done(incoming.statusCode ?? 0, incoming.headers, chunks));
              incoming.destroy();
            }
          });
          incoming.on('end', () =>
            resolve(done(incoming.statusCode ?? 0, incoming.headers, chunks)),
          );
          incoming.on('error', () => resolve(done(0)));
        },
      );
      let port: number | undefined;
      outgoing.once('socket', (socket) => {
        const noted = () => {
          port = socket.localPort;
        };
        if (socket.connecting) socket.once('connect', noted);
        else noted();
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that the server closed while this request was on its way was never taken up.
        const unused = outgoing.reusedSocket && error.code === 'ECONNRESET';
        resolve({ ...done(0), error: unused ? 'unused' : (error.code ?? 'failed'), port });
      });
      if (call.piece === undefined || body === undefined) outgoing.end(body);
      else void sendPieces(outgoing, Buffer.from(body), call.piece);
    });
  }

  embed(image: Buffer): Promise<Reply> {
    return this.send({ path: '/embed', type: 'image/png', body: image });
  }

  decode(embedding_id: string, fields: object): Promise<Reply> {
    return this.send({ path: '/decode', body: JSON.stringify({ embedding_id, ...fields }) });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function headersOf({ type = 'application/json', accept, encoding, body, chunked }: Call) {
  const length = chunked ? {} : { 'content-length': Buffer.byteLength(body ?? '') };
  return {
    ...(accept !== undefined && { accept }),
    ...(encoding !== undefined && { 'content-encoding': encoding }),
    ...(body !== undefined && { 'content-type': type, ...length }),
  };
}

/** Sends a body a few bytes at a time, each as a chunk of its own where chunks are sent. */
async function sendPieces(outgoing: ClientRequest, body: Buffer, size: number): Promise<void> {
  for (let at = 0; at < body.length && !outgoing.destroyed; at += size) {
    const piece = body.subarray(at, at + size);
    await new Promise<void>((resolve) => outgoing.write(piece, () => resolve()));
  }
  outgoing.end();
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Asks for /healthz twenty times a second until told to stop; gives the milliseconds each answer took. */
export function watchHealth(client: Client): () => Promise<number[]> {
  const times: number[] = [];
  let watching = true;
  const watched = (async () => {
    while (watching) {
      const { status, ms } = await client.send({ method: 'GET', path: '/healthz' });
      times.push(status === 200 ? ms : Number.POSITIVE_INFINITY);
      await after(50);
    }
  })();
  return async () => {
    watching = false;
    await watched;
    return times;
  };
}

/** Starts `call` at random moments, `rate` a second on average, for `seconds`; waits for all replies. */
export async function poisson(
  rate: number,
  seconds: number,
  random: () => number,
  call: () => Promise<Reply>,
): Promise<Reply[]> {
  const replies: Promise<Reply>[] = [];
  const end = performance.now() + seconds * 1000;
  for (let at = performance.now(); ; ) {
    at += (-Math.log(1 - random()) / rate) * 1000;
    if (at > end) break;
    const wait = at - performance.now();
    if (wait > 1) await after(wait);
    replies.push(call());
  }
  return Promise.all(replies);
}

/** Keeps `clients` calls under way for `seconds`. */
export async function closedLoop(
  clients: number,
  seconds: number,
  call: () => Promise<Reply>,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  const end = performance.now() + seconds * 1000;
  const client = async () => {
    while (performance.now() < end) replies.push(await call());
  };
  await Promise.all(Array.from({ length: clients }, client));
  return replies;
}

export function check(holds: boolean, claim: string): void {
  if (!holds) throw new Error(`does not hold: ${claim}`);
}
