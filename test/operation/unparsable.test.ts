import t from 'tap';
import { rawConnection } from '../fixtures/raw-http.js';
import { draw, scene } from '../fixtures/scenes.js';
import { startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const HEALTH = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
const GARBAGE = '\x16\x03\x01 garbage\r\n\r\n';
const upload = (headers: string) =>
  `POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n${headers}\r\n\r\n`;
const EMBED = Buffer.concat([Buffer.from(upload(`content-length: ${picture.length}`)), picture]);

t.test(
  'what comes before garbage is answered, then the garbage, and the connection ends',
  async (t) => {
    const { url } = await startService(t, { SAM_REQUEST_TIMEOUT_MS: '3000' });
    const shapes: [name: string, chunks: (string | Buffer)[], statuses: number[]][] = [
      ['nothing before', [GARBAGE], [400]],
      ['one, in the same packet', [HEALTH + GARBAGE], [200, 400]],
      ['two, in the same packet', [HEALTH + HEALTH + GARBAGE], [200, 200, 400]],
      ['more garbage after', [HEALTH + GARBAGE, GARBAGE, GARBAGE.repeat(1000)], [200, 400]],
      ['an unknown path', [`GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n${GARBAGE}`], [404, 400]],
      ['an upload in work', [EMBED, GARBAGE], [201, 400]],
      ['an upload and a question', [EMBED, HEALTH + GARBAGE], [200, 200, 400]],
      [
        'a body that is garbage',
        [EMBED, `${upload('transfer-encoding: chunked')}zz\r\n`],
        [200, 400],
      ],
      [
        'an answered request, its body garbage',
        [HEALTH, 'PUT /decode HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n', 'zz\r\n'],
        [200, 405],
      ],
      [
        'a header that is too large',
        [`${HEALTH}GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}`],
        [200, 431],
      ],
      [
        'who wants the end of the connection',
        [`${HEALTH.replace('x', 'x\r\nconnection: close')}${GARBAGE}`],
        [200],
      ],
      ['an upload, and the start of a header that stays away', [EMBED, 'GET / HT'], [200, 408]],
      ['a tunnel', ['CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n'], [400]],
      [
        'an upload and a tunnel',
        [EMBED, 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n\x16\x03'],
        [200, 400],
      ],
    ];
    for (const [name, chunks, statuses] of shapes) {
      await t.test(name, async (t) => {
        const connection = await rawConnection(url);
        for (const chunk of chunks) connection.socket.write(chunk);
        const text = await connection.closed();
        t.same(connection.statuses(), statuses);
        if ((statuses.at(-1) ?? 0) < 400 || statuses.at(-1) === 405) return;
        const [headers, body = ''] = text.slice(text.lastIndexOf('HTTP/1.1')).split('\r\n\r\n');
        t.match(headers, /^content-type: application\/problem\+json/m);
        const { requestId } = JSON.parse(body);
        t.ok(headers?.includes(`x-request-id: ${requestId}`));
      });
    }

    await t.test('a client that says no more after its garbage', async (t) => {
      const connection = await rawConnection(url);
      connection.socket.write(EMBED);
      connection.socket.end(GARBAGE);
      await connection.closed();
      t.same(connection.statuses(), [200, 400]);
    });

    await t.test('a client that leaves', async (t) => {
      const connection = await rawConnection(url);
      connection.socket.write(EMBED);
      connection.socket.write(GARBAGE);
      connection.socket.resetAndDestroy();
      t.equal((await fetch(`${url}/healthz`)).status, 200);
    });
  },
);
