import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { type Answer, answerOf } from './answer.js';
import { badImages, PICTURE } from './images.js';
import { slips } from './slips.js';

/** One way to be refused: what is sent, and what must come back. */
export interface Row {
  readonly name: string;
  readonly status: number;
  readonly slug: string;
  send(): Promise<Answer>;
}

/** Limits under which the rows are what they are called. */
export const CHECKLIST_SETTINGS = {
  SAM_MAX_IMAGE_BYTES: '1M',
  SAM_MAX_IMAGE_PIXELS: '1000000',
  SAM_HEADER_TIMEOUT_MS: '500',
  SAM_REQUEST_TIMEOUT_MS: '2000',
};

const MULTIPART = 'multipart/form-data; boundary=edge';
const part = (name: string, rest = '', body = '') =>
  `--edge\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n${body}\r\n`;
const FILE = '; filename="a"';

/** Sends bytes as they are, and more of them now and then, until the connection ends. */
export async function raw(url: string, start: string, drip = ''): Promise<Answer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  let open = true;
  socket.setEncoding('latin1').on('data', (data) => {
    text += data;
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(() => {
    open = false;
  });
  socket.write(start);
  while (open && drip) {
    await after(50);
    if (open) socket.write(drip);
  }
  await closed;
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const headers = new Headers(fields.map((field) => field.split(': ', 2) as [string, string]));
  const parsed = JSON.parse(body || '{}') as Record<string, unknown>;
  const type = String(parsed['type']).replace('/problems/', '');
  return { status: Number(line.split(' ')[1]), type, headers, body: parsed };
}

/** Every row that one service with `CHECKLIST_SETTINGS` answers. @param id of `PICTURE`, embedded. */
export async function rows(url: string, id: string): Promise<Row[]> {
  const missing = `mobile_sam:${'0'.repeat(64)}`;
  const send = async (
    method: string,
    path: string,
    body?: string | Uint8Array | FormData,
    type?: string,
  ) =>
    answerOf(
      await fetch(url + path, {
        method,
        body: body ?? null,
        headers: type ? { 'content-type': type } : {},
      }),
    );
  const json = (path: string, value: unknown) =>
    send(
      'POST',
      path,
      typeof value === 'string' ? value : JSON.stringify(value),
      'application/json',
    );
  const click = (fields: Record<string, unknown>) =>
    json('/decode', { embedding_id: id, ...fields });
  const form = (...files: Uint8Array[]) => {
    const data = new FormData();
    for (const file of files) data.append('image', new Blob([file]), 'image');
    return data;
  };
  const multipart = (body: string) => send('POST', '/embed', body, MULTIPART);
  /** An image and one more field. */
  const withField = (path: string, name: string, value: string) => {
    const parts = part('image', FILE, 'abc') + part(name, '', value);
    return send('POST', path, `${parts}--edge--\r\n`, MULTIPART);
  };
  const logits = (count: number, value = 0) => ({
    dtype: 'float32',
    data: Buffer.from(new Float32Array(count).fill(value).buffer).toString('base64'),
  });
  const chunked = (size: number) => async () => {
    async function* chunks() {
      for (let sent = 0; sent < size; sent += 65_536) yield randomBytes(65_536);
    }
    const init = { method: 'POST', body: ReadableStream.from(chunks()), duplex: 'half' };
    return answerOf(
      await fetch(`${url}/embed`, {
        ...init,
        headers: { 'content-type': 'image/png' },
      } as RequestInit),
    );
  };
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const path = (text: string) =>
    raw(url, `GET /embeddings/${text} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);

  const BAD = 'invalid-request';
  const NONE = 'malformed-request';
  const table: [name: string, status: number, slug: string, send: () => Promise<Answer>][] = [
    ['empty body', 400, BAD, () => send('POST', '/embed')],
    ['empty image', 400, BAD, () => send('POST', '/embed', new Uint8Array(0), 'image/png')],
    ['empty JSON', 400, NONE, () => json('/decode', '')],
    ['no boundary', 400, NONE, () => send('POST', '/embed', 'x', 'multipart/form-data')],
    ['unterminated multipart', 400, NONE, () => multipart(part('image', FILE, 'abc'))],
    ['half a part header', 400, NONE, () => multipart('--edge\r\nContent-Disposition: form-da')],
    ['no file', 400, BAD, () => multipart('--edge--\r\n')],
    ['two files', 400, BAD, () => send('POST', '/embed', form(PICTURE, PICTURE))],
    ['bad base64', 400, BAD, () => json('/embed', { image: { base64: '%%%%' } })],
    [
      'url and bytes together',
      400,
      BAD,
      () => json('/embed', { image: { base64: 'AAAA', url: 'https://a.example' } }),
    ],
    ['neither url nor bytes', 400, BAD, () => json('/embed', { image: {} })],
    ['malformed JSON', 400, NONE, () => json('/decode', '{"embedding_id":')],
    ['JSON too deep', 400, NONE, () => json('/decode', `{"embedding_id":${deep(10_000)}}`)],
    ['a field too deep', 400, NONE, () => withField('/segment', 'box', deep(10_000))],
    ['NaN', 400, NONE, () => json('/decode', `{"embedding_id":"${id}","box":[NaN,0,9,9]}`)],
    ['1e999', 400, BAD, () => json('/decode', `{"embedding_id":"${id}","box":[0,0,9,1e999]}`)],
    ['null for a coordinate', 400, BAD, () => click({ box: [null, 0, 9, 9] })],
    ['text for a coordinate', 400, BAD, () => click({ box: ['0', 0, 9, 9] })],
    [
      'a boolean for a coordinate',
      400,
      BAD,
      () => click({ point_coords: [[true, 1]], point_labels: [1] }),
    ],
    ['label 2', 400, BAD, () => click({ point_coords: [[1, 1]], point_labels: [2] })],
    ['label -1', 400, BAD, () => click({ point_coords: [[1, 1]], point_labels: [-1] })],
    [
      'lengths that differ',
      400,
      BAD,
      () => click({ point_coords: [[1, 1]], point_labels: [1, 0] }),
    ],
    ['an unknown key', 400, BAD, () => click({ box: [0, 0, 9, 9], boxes: [] })],
    [
      '__proto__',
      400,
      NONE,
      () => json('/decode', `{"embedding_id":"${id}","box":[0,0,9,9],"__proto__":{"a":1}}`),
    ],
    [
      'constructor.prototype',
      400,
      NONE,
      () => json('/decode', `{"embedding_id":"${id}","constructor":{"prototype":{"a":1}}}`),
    ],
    ['__proto__ in a form', 400, NONE, () => withField('/embed', '__proto__', '{}')],
    [
      '__proto__ in a field',
      400,
      NONE,
      () => withField('/segment', 'prompts', '[{"__proto__":{}}]'),
    ],
    ['no prompt', 400, BAD, () => click({})],
    [
      'a malformed id',
      400,
      BAD,
      () => json('/decode', { embedding_id: 'nonsense', box: [0, 0, 9, 9] }),
    ],
    [
      '../ in an id',
      400,
      BAD,
      () => json('/decode', { embedding_id: '../../etc/passwd', box: [0, 0, 9, 9] }),
    ],
    ['%2e%2e in an id', 400, BAD, () => path('%2e%2e%2f%2e%2e%2fetc%2fpasswd')],
    ['a null byte in an id', 400, BAD, () => path(`mobile_sam:${'0'.repeat(63)}%00`)],
    ['an unknown parameter', 400, BAD, () => send('GET', '/models?x=1')],
    ['not HTTP', 400, NONE, () => raw(url, 'nonsense\r\n\r\n')],
    [
      'an unknown embedding',
      404,
      'embedding-not-found',
      () => json('/decode', { embedding_id: missing, box: [0, 0, 9, 9] }),
    ],
    ['an unknown path', 404, 'not-found', () => send('GET', '/nowhere')],
    ['a wrong method', 405, 'method-not-allowed', () => send('PUT', '/embed', 'x', 'image/png')],
    ['slow headers', 408, 'header-timeout', () => raw(url, 'GET /healthz HTTP/1.1\r\nx-', 'x')],
    [
      'a slow body',
      408,
      'request-timeout',
      () =>
        raw(
          url,
          'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 1000000\r\n\r\n',
          'x',
        ),
    ],
    [
      'an embedding of another model',
      409,
      'embedding-mismatch',
      () => json('/decode', { embedding_id: `other:${id.slice(-64)}`, box: [0, 0, 9, 9] }),
    ],
    [
      'too many bytes by Content-Length',
      413,
      'payload-too-large',
      () => send('POST', '/embed', new Uint8Array(2 ** 20 + 1), 'image/png'),
    ],
    ['too many bytes by chunks', 413, 'payload-too-large', chunked(2 * 2 ** 20)],
    [
      'too many bytes in a form',
      413,
      'payload-too-large',
      () => send('POST', '/embed', form(new Uint8Array(2 ** 20 + 1))),
    ],
    [
      'too many bytes in base64',
      413,
      'payload-too-large',
      () => json('/embed', { image: { base64: 'A'.repeat(1.4 * 2 ** 20) } }),
    ],
    [
      'a million points',
      413,
      'payload-too-large',
      () =>
        json('/decode', `{"embedding_id":"${id}","point_coords":[${'[1,1],'.repeat(1e6)}[1,1]]}`),
    ],
    [
      'too many prompts',
      413,
      'too-many-prompts',
      () => click({ prompts: Array(65).fill({ box: [0, 0, 9, 9] }) }),
    ],
    ['no type', 415, 'unsupported-media-type', () => send('POST', '/embed', Buffer.from('x'))],
    ['text', 415, 'unsupported-media-type', () => send('POST', '/embed', 'x', 'text/plain')],
    [
      'points outside',
      422,
      'prompt-invalid',
      () => click({ point_coords: [[401, 2]], point_labels: [1] }),
    ],
    ['a zero-area box', 422, 'prompt-invalid', () => click({ box: [9, 9, 9, 20] })],
    ['an inverted box', 422, 'prompt-invalid', () => click({ box: [9, 9, 3, 20] })],
    ['mask_input of wrong length', 422, 'prompt-invalid', () => click({ mask_input: logits(100) })],
    [
      'mask_input that is not finite',
      422,
      'prompt-invalid',
      () => click({ mask_input: logits(65_536, Number.NaN) }),
    ],
    [
      'a source that is not allowed',
      422,
      'source-not-allowed',
      () => json('/embed', { image: { url: 'https://example.com/a.jpg' } }),
    ],
    [
      'headers too large',
      431,
      'headers-too-large',
      () => raw(url, `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    ],
  ];
  table.push(...slips(url, id));
  for (const [name, slug, file] of await badImages()) {
    const status = slug === 'unsupported-media-type' ? 415 : 422;
    table.push([name, status, slug, () => send('POST', '/embed', file, 'image/png')]);
    table.push([`${name}, in a form`, status, slug, () => send('POST', '/embed', form(file))]);
  }
  return table.map(([name, status, slug, send]) => ({ name, status, slug, send }));
}
