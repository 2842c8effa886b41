import { once } from 'node:events';
import { createServer } from 'node:http';
import t, { type Test } from 'tap';
import { Nginx, noNginx } from '../fixtures/nginx.js';

/** Something that says which of several it is, and what it was asked with. */
async function startReplica(t: Test, name: string) {
  const server = createServer(async (request, answer) => {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    answer.end(JSON.stringify({ name, bytes, path: request.url }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  t.teardown(close);
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, close };
}

t.test('nginx brings what names an embedding to where it is warm', { skip: noNginx }, async (t) => {
  const replicas = await Promise.all(['a', 'b', 'c'].map((name) => startReplica(t, name)));
  const nginx = await Nginx.start(replicas.map(({ url }) => url));
  t.teardown(() => nginx.stop());
  const ask = async (path: string, body?: string) => {
    const answer = await fetch(nginx.url + path, body ? { method: 'POST', body } : {});
    return (await answer.json()) as { name: string; bytes: number; path: string };
  };
  const ids = Array.from({ length: 60 }, (_, i) => `mobile_sam:${String(i).padStart(64, '0')}`);
  const homes = new Map<string, string>();
  for (const id of ids) {
    const { name, path } = await ask(`/embeddings/${id}`);
    t.equal(path, `/embeddings/${id}`);
    homes.set(id, name);
    t.equal((await ask(`/embeddings/${encodeURIComponent(id)}/decode`, '{}')).name, name);
    t.equal((await ask(`/embeddings/${id}/everything?x=1`, '{}')).name, name);
  }
  for (const replica of ['a', 'b', 'c']) {
    const count = [...homes.values()].filter((name) => name === replica).length;
    t.ok(count >= 3, `${replica} is home to ${count}`);
  }
  const others = await Promise.all(ids.map(() => ask('/embed', 'x'.repeat(100_000))));
  t.equal(new Set(others.map(({ name }) => name)).size, 3, 'all else goes round');
  for (const { bytes } of others) t.equal(bytes, 100_000);

  replicas[0]?.close();
  for (const [id, home] of homes) {
    const { name } = await ask(`/embeddings/${id}/decode`, '{}');
    if (home === 'a') t.match(name, /b|c/, 'another takes what one leaves');
    else t.equal(name, home, 'and the rest stays where it is');
  }
});
