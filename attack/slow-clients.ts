import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { Client, check, closedLoop, percentile } from './client.js';
import { idOf, PICTURE } from './images.js';
import type { Victim } from './victim.js';

export interface SlowFigures {
  readonly connections: number;
  /** Seconds for which one stayed open at most. */
  readonly longest: number;
  readonly answered408: number;
  /** Milliseconds of clicks, without and beside the slow clients. */
  readonly p99Alone: number;
  readonly p99Beside: number;
}

/** Connections that send a byte now and then: half of a header, half of a body. */
export async function slowClients(
  victim: Victim,
  connections: number,
  seconds: number,
): Promise<SlowFigures> {
  const client = new Client(victim.url);
  await client.embed(PICTURE);
  const click = () => client.decode(idOf(PICTURE), { box: [40, 40, 140, 140] });
  const p99 = async () =>
    percentile(
      (await closedLoop(1, seconds, click)).map(({ ms }) => ms),
      0.99,
    );
  await closedLoop(1, 1, click);
  const p99Alone = await p99();

  let open = 0;
  let answered408 = 0;
  let longest = 0;
  const beside = p99();
  for (let i = 0; i < connections; i++) {
    // They come within two seconds: whoever opens them takes time of the same cores.
    if (i % 50 === 49) await after(100_000 / connections);
    const opened = performance.now();
    const socket = connect(victim.port, '127.0.0.1');
    open++;
    const body =
      'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 1000000\r\n\r\n';
    socket.write(i % 2 ? body : 'GET /healthz HTTP/1.1\r\nx-slow: ');
    const drip = setInterval(() => socket.write('x'), 1000);
    socket.on('error', () => {});
    socket.once('data', (text) => {
      if (String(text).startsWith('HTTP/1.1 408')) answered408++;
    });
    socket.on('close', () => {
      clearInterval(drip);
      open--;
      longest = Math.max(longest, (performance.now() - opened) / 1000);
    });
  }
  const p99Beside = await beside;
  for (let waited = 0; open > 0; waited += 100) {
    check(waited < 60_000, `all slow connections are cut: ${open} are not`);
    await after(100);
  }
  client.close();
  return { connections, longest, answered408, p99Alone, p99Beside };
}
