import { MULTIPART } from '../../test/fixtures/multipart.js';
import { post } from '../../test/fixtures/post.js';
import { rawConnection } from '../../test/fixtures/raw-http.js';

type Headers = Record<string, string>;

/** What bad requests are sent with; whatever comes back is given as a response. */
export class Sender {
  readonly url: string;
  /** Of `PICTURE`, which is embedded. */
  readonly id: string;

  constructor(url: string, id: string) {
    this.url = url;
    this.id = id;
  }

  /** Without a body, or with text. */
  send(method: string, path: string, body: string | null = null): Promise<Response> {
    return fetch(this.url + path, { method, body });
  }

  /** Bytes, a form or text of that type; anything else as JSON. */
  post(path: string, body: unknown, type?: string, headers: Headers = {}): Promise<Response> {
    return post(this.url + path, body, { ...(type && { 'content-type': type }), ...headers });
  }

  /** Text that is called JSON. */
  json(path: string, text: string): Promise<Response> {
    return this.post(path, text, 'application/json');
  }

  /** POST /decode of the embedded picture. */
  decode(fields: object, headers: Headers = {}): Promise<Response> {
    return post(`${this.url}/decode`, { embedding_id: this.id, ...fields }, headers);
  }

  /** A form that is written by hand, or the beginning of one. */
  multipart(path: string, body: Uint8Array | string): Promise<Response> {
    return this.post(path, body, MULTIPART);
  }

  /** Sends text as it is, and an `x` now and then if it is to drip, until the connection ends. */
  async raw(start: string, drips = false): Promise<Response> {
    const connection = await rawConnection(this.url);
    connection.socket.write(start);
    const text = await (drips ? connection.drip('x', 50) : connection.closed());
    const [head = '', body = ''] = text.split('\r\n\r\n');
    const [line = '', ...fields] = head.split('\r\n');
    const headers = fields.map((field) => field.split(': ', 2) as [string, string]);
    return new Response(body, { status: Number(line.split(' ')[1]), headers });
  }
}

/** A form of files by their fields' names, and of values that are sent as JSON. */
export function form(
  files: readonly (readonly [name: string, file: Uint8Array])[],
  values: Record<string, unknown> = {},
): FormData {
  const data = new FormData();
  for (const [name, file] of files) data.append(name, new Blob([file]), name);
  for (const [name, value] of Object.entries(values)) data.set(name, JSON.stringify(value));
  return data;
}
