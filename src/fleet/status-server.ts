import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

type Answer = readonly [status: number, type: string, body: string];

/** `/healthz`, `/readyz` and `/metrics` of a process that serves nothing else. */
export class StatusServer {
  readonly #server: Server;

  constructor(ready: () => boolean, metrics: () => Promise<{ type: string; text: string }>) {
    const answers: Record<string, () => Promise<Answer>> = {
      '/healthz': async () => json(200, { status: 'ok' }),
      '/readyz': async () =>
        ready() ? json(200, { status: 'ready' }) : json(503, { status: 'not ready' }),
      '/metrics': async () => {
        const { type, text } = await metrics();
        return [200, type, text];
      },
    };
    this.#server = createServer(async ({ method, url = '' }, response) => {
      const path = url.split('?')[0] ?? '';
      const answer = method === 'GET' ? answers[path] : undefined;
      const [status, type, body] = (await answer?.()) ?? json(404, { status: 'not found' });
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  }

  async listen(address: { host: string; port: number }): Promise<void> {
    this.#server.listen(address);
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

function json(status: number, body: object): Answer {
  return [status, 'application/json; charset=utf-8', JSON.stringify(body)];
}
