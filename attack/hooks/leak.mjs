/** Loaded into the victim: every request leaves LEAK_BYTES behind. */
import { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';

const left = [];
if (isMainThread) {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (event, ...rest) {
    if (event === 'request') left.push(Buffer.alloc(Number(process.env.LEAK_BYTES), 1));
    return emit.call(this, event, ...rest);
  };
}
