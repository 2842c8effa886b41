import type { Embedding, PredictPrompt } from 'sam-split-client';

/** A name that no body of JSON has a line of. */
const END = 'END_OF_PROMPT';

/**
 * The request to the service that a prompt is, for a shell: it answers with the masks that are shown.
 * Where the service wants a key, that is taken from the environment, so that it does not lie in a history of commands.
 * @param service its address, with a slash at the end.
 */
export function toCurl(
  service: URL,
  { embedding_id }: Pick<Embedding, 'embedding_id'>,
  { mask_input, ...prompt }: PredictPrompt,
  needsKey: boolean,
): string {
  const body = {
    embedding_id,
    ...prompt,
    ...(mask_input && { mask_input: { dtype: 'float32', data: base64(mask_input) } }),
  };
  const key = needsKey ? ` -H "authorization: Bearer $SAM_API_KEY"` : '';
  const head = `curl -sS '${new URL('decode', service).href}' -H 'content-type: application/json'${key}`;
  const json = JSON.stringify(body);
  // No argument of a command may be as long as logits are.
  return mask_input
    ? `${head} --data-binary @- <<'${END}'\n${json}\n${END}\n`
    : `${head} -d '${json}'`;
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
