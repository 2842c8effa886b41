import { answers } from './answers.js';
import { bytes, json } from './bodies.js';
import { forms } from './forms.js';
import { images } from './images.js';
import { prompts } from './prompts.js';
import { ids, requests } from './protocol.js';
import type { Refusal } from './refusal.js';
import { Sender } from './sender.js';
import { texts } from './texts.js';

/** All bad requests that a service under `LIMITS` refuses at once. @param id of `PICTURE`, embedded. */
export async function refusals(url: string, id: string): Promise<Refusal[]> {
  const sender = new Sender(url, id);
  const tables = [bytes, json, forms, prompts, texts, answers, ids, requests];
  return [...tables.flatMap((table) => table(sender)), ...(await images(sender))];
}
