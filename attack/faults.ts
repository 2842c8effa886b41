import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { type Embedding, tensorOf } from '../src/core/embedding.js';
import { DiskStore } from '../src/store/disk-store.js';
import { noise } from '../test/fixtures/pictures.js';
import type { Settings } from '../test/fixtures/service-process.js';
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

export interface FlipFigures {
  readonly altered: number;
  readonly refused: number;
  /** Altered where it changes nothing that is served: none, since the digest is of the whole file. */
  readonly wrong: number;
}

/** Flips bits of, and cuts, the file of an embedding; none may ever be served as it was not stored. */
export async function flips(directory: string, rounds: number, seed = 1): Promise<FlipFigures> {
  const store = new DiskStore({ directory, maxBytes: 2 ** 30 });
  await store.open();
  const random = noise(seed);
  const bytes = new Uint8Array(new SharedArrayBuffer(2 * 256 * 8 * 8)).map(() => 256 * random());
  const embedding: Embedding = {
    id: idOf(PICTURE),
    model: 'mobile_sam',
    fingerprint: 'ab'.repeat(32),
    image: { width: 400, height: 300 },
    tensors: { image_embeddings: { dtype: 'float16', shape: [1, 256, 8, 8], bytes } },
  };
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
    let altered = Buffer.from(good);
    if (round % 3 === 2) altered = altered.subarray(0, Math.floor(random() * good.length));
    for (let flipped = 0; round % 3 < 2 && flipped < 1 + (round % 7); flipped++) {
      const bit = Math.floor(random() * good.length * 8);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    }
    writeFileSync(path, altered);
    const found = await store.get({ id, fingerprint });
    if (!found) figures.refused++;
    // Two flips of one bit undo each other.
    else if (
      !Buffer.from(tensorOf(found.embedding, 'image_embeddings').bytes).equals(Buffer.from(bytes))
    )
      figures.wrong++;
    rmSync(path, { force: true });
  }
  check(figures.wrong === 0, `no altered embedding is served: ${figures.wrong} were`);
  return figures;
}
