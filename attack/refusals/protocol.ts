import type { Refusal } from './refusal.js';
import type { Sender } from './sender.js';

const BAD = 'invalid-request';
const MISSING = `mobile_sam:${'0'.repeat(64)}`;

/** Ids that are none, or of what is not here. */
export function ids(sender: Sender): Refusal[] {
  const { id } = sender;
  const decode = (embedding_id: string) => sender.decode({ embedding_id, box: [0, 0, 9, 9] });
  // `fetch` would tidy the path up.
  const path = (text: string) =>
    sender.raw(`GET /embeddings/${text} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  const other = id.replace('mobile_sam', 'other');
  return [
    ['a malformed id', 400, BAD, () => decode('nonsense')],
    ['a malformed id in a path', 400, BAD, () => sender.send('GET', '/embeddings/nonsense')],
    ['an id in capitals', 400, BAD, () => sender.send('GET', `/embeddings/${id.toUpperCase()}`)],
    ['../ in an id', 400, BAD, () => decode('../../etc/passwd')],
    ['%2e%2e in an id', 400, BAD, () => path('%2e%2e%2f%2e%2e%2fetc%2fpasswd')],
    ['a null byte in an id', 400, BAD, () => path(`mobile_sam:${'0'.repeat(63)}%00`)],
    ['an unknown embedding', 404, 'embedding-not-found', () => decode(MISSING)],
    [
      'an unknown embedding in a path',
      404,
      'embedding-not-found',
      () => sender.send('DELETE', `/embeddings/${MISSING}`),
    ],
    ['an embedding of another model', 409, 'embedding-mismatch', () => decode(other)],
    [
      'an embedding of another model in a path',
      409,
      'embedding-mismatch',
      () => sender.send('GET', `/embeddings/${other}`),
    ],
  ];
}

/** Requests that are not HTTP, or not to anything there is. */
export function requests(sender: Sender): Refusal[] {
  const header = 'y'.repeat(20_000);
  return [
    ['an unknown parameter', 400, BAD, () => sender.send('GET', '/models?x=1')],
    ['an unknown path', 404, 'not-found', () => sender.send('GET', '/nowhere')],
    ['a wrong method', 405, 'method-not-allowed', () => sender.send('PUT', '/embed', 'x')],
    ['not HTTP', 400, 'malformed-request', () => sender.raw('nonsense\r\n\r\n')],
    [
      'headers too large',
      431,
      'headers-too-large',
      () => sender.raw(`GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${header}\r\n\r\n`),
    ],
  ];
}

/** Requests that take longer than `DEADLINES`. */
export function slow(sender: Sender): Refusal[] {
  const upload = 'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n';
  return [
    ['slow headers', 408, 'header-timeout', () => sender.raw('GET /healthz HTTP/1.1\r\nx-', true)],
    [
      'a slow body',
      408,
      'request-timeout',
      () => sender.raw(`${upload}content-length: 1000000\r\n\r\n`, true),
    ],
  ];
}
