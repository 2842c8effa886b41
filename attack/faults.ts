import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { DiskStore } from '../src/store/disk-store.js';
import { noise } from '../test/fixtures/pictures.js';
import type { Settings } from '../test/fixtures/service-process.js';
import { altered, drawnEmbedding, type FlipFigures, note } from './alterations.js';
import { Client, check, type Reply } from './client.js';
import { idOf, PICTURE, variant } from './images.js';
import { type Victim, withHook } from './victim.js';

export interface FaultFigures {
  readonly faults: number;
  /** Requests that failed, beside those that were answered. */
  readonly failed: number;
  readonly answered: number;
  /** Seconds from a fault until the lane answered again, at most. */
  readonly slowestRecovery: number;
}

/** Lets a victim fail where `file` says so. */
export function faulty(file: string): Settings {
  return { ...withHook('fault'), FAULT_FILE: file };
}

/** Workers that die or throw in the middle of a run, while others click. @param file the victim's FAULT_FILE */
export async function faults(victim: Victim, file: string, rounds: number): Promise<FaultFigures> {
  const client = new Client(victim.url);
  await client.embed(PICTURE);
  const figures = { faults: rounds, failed: 0, answered: 0, slowestRecovery: 0 };
  const count = ({ status }: Reply) => {
    if (status < 300 && status > 0) figures.answered++;
    else if (status === 500) figures.failed++;
    else check(false, `a fault is a 500 for its own request, not ${status}`);
  };
  const click = () => client.decode(idOf(PICTURE), { box: [40, 40, 140, 140] });
  for (let round = 0; round < rounds; round++) {
    const kind = round % 2 ? 'throw' : 'exit';
    const failedBefore = figures.failed;
    const start = performance.now();
    writeFileSync(file, kind);
    if (round % 4 < 2) {
      // Of four that click at once, one is hit.
      while (figures.failed === failedBefore) {
        for (const reply of await Promise.all([click(), click(), click(), click()])) count(reply);
      }
      for (const reply of await Promise.all([click(), click(), click(), click()])) count(reply);
    } else {
      count(await client.embed(variant(`fault-${round}`)));
      count(await client.embed(variant(`fault-${round}`)));
    }
    check(
      figures.failed === failedBefore + 1,
      `one request fails for one fault, not ${figures.failed - failedBefore}`,
    );
    figures.slowestRecovery = Math.max(figures.slowestRecovery, (performance.now() - start) / 1000);
    await after(10);
  }
  client.close();
  return figures;
}

/** Flips bits of, and cuts, the file of an embedding; none may ever be served as it was not stored. */
export async function flips(directory: string, rounds: number, seed = 1): Promise<FlipFigures> {
  const store = new DiskStore({ directory, maxBytes: 2 ** 30 });
  await store.open();
  const random = noise(seed);
  const embedding = drawnEmbedding(random);
  const { id, fingerprint } = embedding;
  await store.set({ id, fingerprint }, embedding);
  await store.close();
  const [name] = readdirSync(directory, { recursive: true })
    .map(String)
    .filter((each) => each.endsWith('.embedding'));
  const path = join(directory, name as string);
  const good = readFileSync(path);
  const figures = { altered: rounds, refused: 0, wrong: 0 };
  for (let round = 0; round < rounds; round++) {
    writeFileSync(path, altered(good, round, random));
    note(figures, await store.get({ id, fingerprint }), embedding);
    rmSync(path, { force: true });
  }
  check(figures.wrong === 0, `no altered embedding is served: ${figures.wrong} were`);
  return figures;
}
