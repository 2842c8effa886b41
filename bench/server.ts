import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { createApp } from '../src/app.js';
import { loadConfig } from '../src/config.js';
import { startWeekend } from './weekend.js';

/** One of the two services in a process of its own, which tells its parent how long its event loop stood still. */
async function startOurs(): Promise<string> {
  const config = loadConfig({ LOG_LEVEL: 'silent', SAM_ENCODE_QUEUE: '64' });
  const app = await createApp(config, pino({ level: 'silent' }));
  const url = await app.server.listen({ host: '127.0.0.1', port: 0 });
  await app.warmUp();
  return url;
}

const url = await (process.argv[2] === 'weekend' ? startWeekend() : startOurs());
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('message', (message) => {
  if (message === 'reset') delay.reset();
  process.send?.({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 });
});
process.send?.({ url });
