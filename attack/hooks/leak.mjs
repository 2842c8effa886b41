/** Loaded into the victim: every request leaves as many bytes behind as the file LEAK_FILE says, once there is one. */
import { readFileSync } from 'node:fs';
import { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';

function size() {
  try {
    return Number(readFileSync(process.env.LEAK_FILE, 'utf8'));
  } catch {
    return 0;
  }
}

const left = [];
if (isMainThread) {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (event, ...rest) {
    if (event === 'request') left.push(Buffer.alloc(size(), 1));
    return emit.call(this, event, ...rest);
  };
}
