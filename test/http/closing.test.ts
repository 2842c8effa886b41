import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startService } from '../fixtures/service.js';

t.test('connections that nobody has accepted when the service closes are served', async (t) => {
  const { url, close } = await startService(t);
  const { hostname, port } = new URL(url);
  const answers = Array.from({ length: 20 }, () => {
    const socket = connect(Number(port), hostname);
    socket.end('GET /healthz HTTP/1.1\r\nhost: sam\r\n\r\n');
    return text(socket).catch((error) => error.code);
  });
  // Before the event loop has had a turn to accept them.
  await close();
  for (const answer of await Promise.all(answers)) t.match(answer, /^HTTP\/1.1 200 /);
});
