import type { Embedding } from '../embedding.js';
import type { EmbedResponse } from '../openapi.js';
import type { Stages } from '../stages.js';
import { jsonRequest, type Service } from './service.js';
import { watchedUpload } from './upload.js';

export interface SendOptions {
  readonly model: string | undefined;
  /** Whether things are to be found in it by text. */
  readonly text: boolean;
  readonly signal: AbortSignal | undefined;
  /** Whether the upload can be told from the encode that follows it. */
  readonly watch: boolean;
  readonly stages: Stages;
}

/** Has a file embedded. */
export async function sendFile(
  service: Service,
  file: Blob,
  { model, text, signal, watch, stages }: SendOptions,
): Promise<Embedding> {
  stages.begin('upload');
  const send = watchedUpload((fraction) =>
    fraction < 1 ? stages.at(fraction) : stages.begin('encode'),
  );
  const headers = { accept: 'application/json', 'content-type': 'application/octet-stream' };
  const init = { method: 'POST', headers, body: file, ...(signal && { signal }) };
  const response = await service.request(pathOf(model, text), init, watch ? send : undefined);
  return embeddingOf((await response.json()) as EmbedResponse, true, text);
}

/** Has an image embedded that the service fetches itself. */
export async function sendUrl(
  service: Service,
  url: URL,
  { model, text, signal, stages }: SendOptions,
): Promise<Embedding> {
  stages.begin('encode');
  const init = jsonRequest('POST', { image: { url: url.href } }, signal);
  const response = await service.request(pathOf(model, text), init);
  return embeddingOf((await response.json()) as EmbedResponse, false, text);
}

function pathOf(model: string | undefined, text: boolean): string {
  const query = new URLSearchParams({
    ...(model !== undefined && { model }),
    ...(text && { text: 'true' }),
  });
  return query.size > 0 ? `/embed?${query}` : '/embed';
}

function embeddingOf(answer: EmbedResponse, uploaded: boolean, text: boolean): Embedding {
  const { embedding_id, model, width, height, timings, warnings = [] } = answer;
  return {
    ...{ embedding_id, model, width, height, uploaded, timings, warnings },
    ...(text && { text }),
  };
}
