import { once } from 'node:events';
import t from 'tap';
import { MULTIPART } from '../fixtures/multipart.js';
import { rawConnection } from '../fixtures/raw-http.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));

// Whatever emits an error that nobody listens to ends the process, and with it this test.
t.test('the service outlives whatever becomes of a connection', async (t) => {
  const { url, post, server } = await startService(t, { SAM_REQUEST_TIMEOUT_MS: '5000' });
  const embedded = (await (await post('/embed', form(picture))).json()) as Record<string, string>;
  const id = embedded['embedding_id'] as string;
  const alive = async () => t.equal((await fetch(`${url}/healthz`)).status, 200);

  const routes = [
    ['POST', '/embed'],
    ['POST', '/decode'],
    ['POST', '/segment'],
    ['POST', '/everything'],
    ['GET', '/models'],
    ['GET', '/metrics'],
    ['GET', '/docs'],
    ['GET', `/embeddings/${id}`],
    ['HEAD', `/embeddings/${id}`],
    ['DELETE', `/embeddings/mobile_sam:${'0'.repeat(64)}`],
    ['PUT', '/decode'],
    ['POST', '/nowhere'],
    ['POST', '/embeddings/%E0%A4'],
  ] as const;
  const types = ['application/json', 'image/png', MULTIPART];
  const part = '--edge\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\nabc';

  t.test('reset in the middle of a body, on every route', async () => {
    for (const [method, path] of routes) {
      for (const type of types) {
        for (const framing of ['content-length: 100000', 'transfer-encoding: chunked']) {
          const { socket } = await rawConnection(url);
          const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\n${framing}\r\n\r\n`;
          const chunk = framing.startsWith('t')
            ? `${part.length.toString(16)}\r\n${part}\r\n`
            : part;
          await new Promise((resolve) => socket.write(head + chunk, resolve));
          // Half of them once the service has read that far.
          if (type.length % 2 === 1) await alive();
          socket.resetAndDestroy();
        }
      }
    }
    await alive();
  });

  t.test('reset before, and in the middle of, an answer', async () => {
    const click = JSON.stringify({ embedding_id: id, box: [9, 9, 99, 99], format: 'logits' });
    const everything = JSON.stringify({ embedding_id: id, points_per_side: 4 });
    const requests = [
      `GET /embeddings/${id} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `POST /decode HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${click.length}\r\n\r\n${click}`,
      'POST /everything HTTP/1.1\r\nhost: x\r\naccept: application/x-ndjson\r\ncontent-type: application/json\r\n' +
        `content-length: ${everything.length}\r\n\r\n${everything}`,
    ];
    for (const request of requests) {
      for (const moment of ['at once', 'at the first byte'] as const) {
        const connection = await rawConnection(url);
        connection.socket.write(request);
        if (moment === 'at the first byte') await once(connection.socket, 'data');
        connection.socket.resetAndDestroy();
      }
      // Garbage once an answer is on its way.
      const connection = await rawConnection(url);
      connection.socket.write(request);
      await once(connection.socket, 'data');
      connection.socket.write('\x16garbage\r\n\r\n');
      await connection.closed();
      t.same(connection.statuses(), [200, 400]);
    }
    await alive();
  });

  t.test('what HTTP offers beside requests', async (t) => {
    const shapes: [name: string, text: string, statuses: number[]][] = [
      [
        'an upgrade is not taken up',
        'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n',
        [200],
      ],
      ['HTTP/2 is not, either', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
      [
        'trailers are read past',
        'POST /decode HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n' +
          'transfer-encoding: chunked\r\ntrailer: a\r\n\r\n2\r\n{}\r\n0\r\na: b\r\n\r\n',
        [400],
      ],
      [
        'an expectation that nobody has',
        'POST /embed HTTP/1.1\r\nhost: x\r\nexpect: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc',
        [400],
      ],
      ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nhost: x\r\n\r\n', [400]],
    ];
    for (const [name, text, statuses] of shapes) {
      const connection = await rawConnection(url);
      connection.socket.write(text);
      await connection.closed();
      t.same(connection.statuses(), statuses, name);
      for (const moment of ['at once', 'at the first byte'] as const) {
        const { socket } = await rawConnection(url);
        socket.write(text);
        if (moment === 'at the first byte') await once(socket, 'data');
        socket.resetAndDestroy();
      }
    }
    await alive();
  });

  t.test('a connection that cannot be accepted', async () => {
    // As when the process has as many files open as it may.
    server.server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    await alive();
  });
});
