import type { Embedding, EverythingFields, PredictPrompt } from 'sam-split-client';

/** Where requests go. */
export interface CurlTarget {
  /** The service's address, with a slash at the end. */
  readonly service: URL;
  /** Whether it wants a key, which is taken from the environment: it is not to lie in a history of commands. */
  readonly needsKey: boolean;
}

type Asked = Pick<Embedding, 'embedding_id'>;

/** A name that no body of JSON has a line of. */
const END = 'END_OF_REQUEST';

/** The request to the service that a prompt is, for a shell: it answers with the masks that are shown. */
export function promptAsCurl(
  target: CurlTarget,
  { embedding_id }: Asked,
  { mask_input, ...prompt }: PredictPrompt,
): string {
  if (!mask_input) return short(target, 'decode', { embedding_id, ...prompt });
  const logits = { dtype: 'float32', data: base64(mask_input) };
  const body = JSON.stringify({ embedding_id, ...prompt, mask_input: logits });
  // No argument of a command may be as long as logits are.
  return `${head(target, 'decode')} --data-binary @- <<'${END}'\n${body}\n${END}\n`;
}

/** The request that a search for everything is. */
export function everythingAsCurl(
  target: CurlTarget,
  { embedding_id }: Asked,
  fields: EverythingFields,
): string {
  return short(target, 'everything', { embedding_id, ...fields });
}

function short(target: CurlTarget, route: string, body: object): string {
  return `${head(target, route)} -d '${JSON.stringify(body)}'`;
}

function head({ service, needsKey }: CurlTarget, route: string): string {
  const key = needsKey ? ` -H "authorization: Bearer $SAM_API_KEY"` : '';
  return `curl -sS '${new URL(route, service).href}' -H 'content-type: application/json'${key}`;
}

/** Little-endian numbers, as the service takes them. */
function base64(numbers: Float32Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}
