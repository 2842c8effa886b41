import { Agent, request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Contender } from './contest.js';

const CLICKS = 100;

/** Prints what parts of a lone client's click take, as shares of the median of all: by the answer's timings and the client's clock. */
export async function clickShares({ url }: Contender, body: Buffer): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const all: Record<string, number[]> = {};
  for (let click = 0; click < CLICKS; click++) {
    const { timings, ms } = await ask(`${url}/decode`, body, agent);
    const { queue_ms = 0, decode_ms = 0, masks_ms = 0, total_ms = 0 } = timings;
    const parts = {
      network: decode_ms,
      masks: masks_ms,
      queue: queue_ms,
      'rest of the service': total_ms - queue_ms - decode_ms - masks_ms,
      'connection, client': ms - total_ms,
      all: ms,
    };
    for (const [part, ms] of Object.entries(parts)) {
      all[part] ??= [];
      all[part].push(ms);
    }
  }
  agent.destroy();
  const median = (values: readonly number[] = []) =>
    values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const whole = median(all['all']);
  console.log('a click of one client, shares of its time:');
  for (const [part, values] of Object.entries(all)) {
    console.log(`  ${part.padEnd(28)}${(median(values) / whole).toFixed(3).padStart(8)}`);
  }
}

function ask(url: string, body: Buffer, agent: Agent) {
  const start = performance.now();
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise<{ timings: Record<string, number>; ms: number }>((resolve, reject) => {
    const asking = request(url, { method: 'POST', agent, headers }, async (answer) => {
      const { timings } = (await json(answer)) as { timings: Record<string, number> };
      resolve({ timings, ms: performance.now() - start });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
