import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Loaded into a service before it starts: tells its parent, when asked, how long its event loop stood still. */
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('message', (message) => {
    if (message === 'reset') delay.reset();
    process.send({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 });
  });
  process.channel.unref();
}
