import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { rawConnection } from '../fixtures/raw-http.js';
import { draw, scene } from '../fixtures/scenes.js';
import { problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));

t.test('who is slow is cut off, by deadlines of header and body', async (t) => {
  const { url, post } = await startService(t, {
    SAM_HEADER_TIMEOUT_MS: '500',
    SAM_REQUEST_TIMEOUT_MS: '1500',
    SAM_MAX_IMAGE_BYTES: '1M',
  });
  const port = Number(new URL(url).port);

  /** Sends `start`, then a byte now and then, and gives what was answered until the connection ended. */
  async function drip(start: string): Promise<string> {
    const connection = await rawConnection(url);
    connection.socket.write(start);
    return connection.drip('x', 100);
  }

  const post1000 = 'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n';
  const [header, headerLine, body, chunked, refused] = await Promise.all([
    drip('GET /healthz HTTP/1.1\r\nhost: x\r\n'),
    drip('POST /embed HTTP/1.1\r\nx-'),
    drip(`${post1000}content-length: 1000\r\n\r\n`),
    drip(`${post1000}transfer-encoding: chunked\r\n\r\n3e8\r\n`),
    drip('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n'),
  ]);
  for (const answer of [header, headerLine]) {
    t.match(answer, /^HTTP\/1\.1 408 .*application\/problem\+json.*\/problems\/header-timeout/s);
  }
  for (const answer of [body, chunked]) {
    t.match(answer, /^HTTP\/1\.1 408 .*application\/problem\+json.*\/problems\/request-timeout/s);
  }
  t.match(refused, /^HTTP\/1\.1 404 /, 'answered at once');
  t.equal(refused.match(/HTTP\/1\.1/g)?.length, 1, 'and not twice');

  await t.test('a body is asked for once it will be read', async (t) => {
    const ask = async (path: string, length: number) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: image/png\r\n` +
          `content-length: ${length}\r\n\r\n`,
      );
      const [first] = (await once(socket, 'data')) as [Buffer];
      return { socket, first: first.toString('latin1') };
    };
    const refused = await ask('/nowhere', 10);
    t.match(refused.first, /^HTTP\/1\.1 404 .*connection: close/is);
    refused.socket.destroy();
    const welcome = await ask('/embed', picture.length);
    t.equal(welcome.first, 'HTTP/1.1 100 Continue\r\n\r\n');
    const answer = once(welcome.socket, 'data');
    welcome.socket.write(picture);
    t.match(String(await answer), /^HTTP\/1\.1 201 /);
    welcome.socket.destroy();
  });

  await t.test('a refused upload reads the refusal', async (t) => {
    for (const size of [2 ** 10, 2 ** 20 + 1, 20 * 2 ** 20]) {
      const headers = { 'content-type': 'text/plain' };
      const answer = await post('/embed', new Uint8Array(size), headers);
      await problem(t, answer, 415, 'unsupported-media-type');
    }
  });
  t.equal((await post('/embed', picture, { 'content-type': 'image/png' })).status, 200);
});
