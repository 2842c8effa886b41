import { Client, check } from './client.js';
import { goodImages, idOf, PICTURE } from './images.js';
import { checkMasks } from './masks-of-images.js';
import { answerOf } from './refusals/answer.js';
import { DEADLINES, LIMITS } from './refusals/limits.js';
import { slow } from './refusals/protocol.js';
import type { Refusal } from './refusals/refusal.js';
import { refusals } from './refusals/refusals.js';
import { Sender } from './refusals/sender.js';
import type { Victim } from './victim.js';

export const CHECKLIST_SETTINGS = { ...LIMITS, ...DEADLINES };

/** Every way in which a service with `CHECKLIST_SETTINGS` refuses. @param id of `PICTURE`, embedded. */
export async function allRefusals(url: string, id: string): Promise<Refusal[]> {
  return [...(await refusals(url, id)), ...slow(new Sender(url, id))];
}

export interface ChecklistFigures {
  readonly refusals: number;
  /** Since the end of a first pass. */
  readonly openFilesGrown: number;
}

/** All bad requests, each followed by a good one, and good images of every kind. */
export async function checklist(victim: Victim, times: number): Promise<ChecklistFigures> {
  const client = new Client(victim.url);
  const id = idOf(PICTURE);
  await client.embed(PICTURE);
  const all = await allRefusals(victim.url, id);
  for (const [, , , send] of all) await (await send()).arrayBuffer();
  const files = victim.files;
  for (let time = 0; time < times; time++) {
    for (const [name, status, code, send] of all) {
      const answer = await send()
        .then(answerOf)
        .catch((error) => {
          throw new Error(`${name}: ${error.message} ${error.cause?.code ?? ''}`);
        });
      const right = answer.status === status && answer.type === code;
      check(right, `${name}: ${status} ${code}, not ${answer.status} ${answer.type}`);
      const good = await client.decode(id, { box: [40, 40, 140, 140] });
      check(good.status === 200, `${name}: the next good request succeeds, not ${good.status}`);
    }
  }
  await checkMasks(victim.url, await goodImages());
  client.close();
  const grown = victim.files - files;
  check(grown <= 8, `no file or socket is left open: ${grown} more than after the first pass`);
  return { refusals: all.length, openFilesGrown: grown };
}
