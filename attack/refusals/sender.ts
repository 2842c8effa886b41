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

  /** The text of a form, as its parts one after the other. */
  multipart(path: string, ...parts: readonly string[]): Promise<Response> {
    return this.post(path, parts.join(''), 'multipart/form-data; boundary=edge');
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

/** The end of a form's text. */
export const END = '--edge--\r\n';

/** A part of a form's text; `rest` goes on with its first header. */
export function part(name: string, body: string, rest = ''): string {
  return `--edge\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n${body}\r\n`;
}

/** The same for a file. */
export function filePart(name: string, body: string): string {
  return part(name, body, '; filename="a"');
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
