import { signal } from '@preact/signals';
import { type ModelList, SamClient, SamProblem } from 'sam-split-client';
import { tell } from './notice.js';

/** The service is where the page is, behind whatever path of a proxy. */
export const SERVICE = new URL('.', document.baseURI);

/** For this tab only. */
const KEY = 'sam-split-key';

export const apiKey = signal(sessionStorage.getItem(KEY) ?? '');

export const client = new SamClient({ url: SERVICE, apiKey: () => apiKey.value || undefined });

/** `key` where a key is needed and none, or a wrong one, is there. */
export const connection = signal<'connecting' | 'key' | 'connected' | 'failed'>('connecting');

export const models = signal<ModelList['models']>([]);

/** The one that images are embedded by. */
export const model = signal<string | undefined>(undefined);

/** What finds things by text, where the service has such a model. */
export const textModel = signal<ModelList['text']>(undefined);

/** Whether the service fetches images by URL. */
export const fetchesUrls = signal(false);

/** Asks what there is, and so whether a key is needed. */
export async function connect(): Promise<void> {
  try {
    models.value = await client.models();
    model.value ??= models.value[0]?.name;
    textModel.value = await client.textModel();
    fetchesUrls.value = await asksForUrls();
    connection.value = 'connected';
  } catch (error) {
    const unauthorized = error instanceof SamProblem && error.status === 401;
    connection.value = unauthorized ? 'key' : 'failed';
    if (!unauthorized) tell(`The service does not answer: ${String(error)}`, 'error');
  }
}

/** @returns whether the service knows the key */
export async function useKey(key: string): Promise<boolean> {
  apiKey.value = key;
  await connect();
  if (connection.value !== 'connected') {
    apiKey.value = '';
    return false;
  }
  sessionStorage.setItem(KEY, key);
  return true;
}

async function asksForUrls(): Promise<boolean> {
  const answer = await fetch(SERVICE, { headers: { accept: 'application/json' } });
  const about = (await answer.json()) as { images_by_url?: boolean };
  return about.images_by_url === true;
}
