/** Loaded into the victim: it notes in the file ACCEPTED_FILE from which port each connection came that it accepted. */
import { appendFileSync } from 'node:fs';
import { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (event, ...rest) {
    if (event === 'connection') {
      appendFileSync(process.env.ACCEPTED_FILE, `${rest[0].remotePort}\n`);
    }
    return emit.call(this, event, ...rest);
  };
}
