import t from 'tap';
import { rawConnection } from '../fixtures/raw-http.js';
import { startService } from '../fixtures/service.js';

t.test(
  'what Node and the router would answer in their own words is a problem like any other',
  async (t) => {
    const { url } = await startService(t, { SAM_CORS_ORIGINS: '*' });
    const shapes: [name: string, head: string][] = [
      ['broken UTF-8', 'GET /embeddings/%E0%A4'],
      ['half an escape', 'DELETE /embeddings/%E'],
      ['an escape of no digits', 'GET /%zz'],
      ['a broken path with a query', 'POST /decode%?model=a'],
      ['a name of 300 characters', `GET /embeddings/${'a'.repeat(300)}`],
      ['a model of 3,000 characters', `GET /models/${'a'.repeat(3000)}/decoder.onnx`],
      ['half of a URL', 'GET http://'],
      ['an expectation that nobody has', 'POST /decode HTTP/1.1\r\nexpect: 200-ok'],
    ];
    for (const [name, head] of shapes) {
      await t.test(name, async (t) => {
        const line = head.includes('HTTP/1.1') ? head : `${head} HTTP/1.1`;
        const connection = await rawConnection(url);
        connection.socket.write(`${line}\r\nhost: x\r\nx-request-id: mine\r\n\r\n`);
        connection.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
        const text = await connection.closed();
        t.same(connection.statuses(), [400, 200], 'and the connection goes on');
        const [headers = '', body = ''] = text.split('\r\n\r\n');
        t.match(headers, /^content-type: application\/problem\+json; charset=utf-8$/m);
        t.match(headers, /^x-request-id: mine$/m);
        t.match(headers, /^x-content-type-options: nosniff/im);
        t.match(JSON.parse(body.slice(0, body.lastIndexOf('}') + 1)), {
          type: '/problems/malformed-request',
          status: 400,
          requestId: 'mine',
        });
      });
    }
    const metrics = await (await fetch(`${url}/metrics`)).text();
    t.ok(metrics.includes(`sam_rejected_total{reason="malformed-request"} ${shapes.length}\n`));
  },
);
