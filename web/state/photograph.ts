import { type Embedding, SamProblem } from 'sam-split-client';
import { apiKey, SERVICE } from './service.js';

/**
 * The pixels of an image that the service has fetched by URL: the page itself asks no other host for anything. They are
 * the overlay of no masks.
 * @throws SamProblem
 */
export async function photographAt(
  url: URL,
  { model }: Pick<Embedding, 'model'>,
): Promise<ImageBitmap> {
  const answer = await fetch(
    new URL(`segment?overlay=1&model=${encodeURIComponent(model)}`, SERVICE),
    {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey.value && { authorization: `Bearer ${apiKey.value}` }),
      },
      body: JSON.stringify({ image: { url: url.href } }),
    },
  );
  if (!answer.ok) throw new SamProblem({ status: answer.status, ...(await answer.json()) });
  return createImageBitmap(await answer.blob());
}
