import { createHash } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { ServiceProcess } from '../../test/fixtures/service-process.js';
import { Client, check, type Reply } from '../client.js';
import { idOf } from '../images.js';
import { type Machines, ONE_THREAD } from './machines.js';

/** No answer may take longer: it waits for a worker, which may die again and again, and then for the encode. */
export const DEADLINE_MS = 180_000;
export const BOX = [40, 40, 140, 140];
/** Uploads at once to a process by itself, of which two are encoded. */
const CLIENTS = 4;

/** Hashes of what came back. */
export interface Answers {
  readonly click: string;
  readonly embedding: string;
}

type Ask = (call: (client: Client) => Promise<Reply>) => Promise<Reply>;

/** Asks any of the services. */
export function anywhere(machines: Machines, random: () => number, told: { retried: number }): Ask {
  return async (call) => {
    for (;;) {
      const url = machines.replicas[random() < 0.5 ? 0 : 1]?.url ?? '';
      const client = new Client(url, DEADLINE_MS);
      const reply = await call(client);
      client.close();
      // A service that ends takes no more connections: a load balancer asks the other.
      if (reply.error !== 'ECONNREFUSED') return reply;
      told.retried++;
      await after(50);
    }
  };
}

/** An upload, a click and a download. */
export async function use(ask: Ask, file: Buffer, wrong: string[]): Promise<Answers> {
  const embedded = await ask((client) => client.embed(file));
  if (![200, 201].includes(embedded.status)) wrong.push(`embed ${said(embedded)}`);
  const clicked = await ask((client) => client.decode(idOf(file), { box: BOX }));
  if (clicked.status !== 200) wrong.push(`decode ${said(clicked)}`);
  const path = `/embeddings/${idOf(file)}`;
  const get = { method: 'GET', path, accept: 'application/octet-stream' };
  const { status, body } = await ask((client) => client.send(get));
  if (status !== 200) wrong.push(`download ${status}`);
  const { results = null } = JSON.parse(clicked.body.toString() || '{}');
  return { click: hashOf(JSON.stringify(results)), embedding: hashOf(body) };
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Compares all answers, bit for bit, with those of a process that shares nothing. */
export async function asAlone(answers: ReadonlyMap<Buffer, Answers>) {
  const alone = await ServiceProcess.launch({ ...ONE_THREAD, SAM_ENCODE_WORKERS: '2' });
  const client = new Client(alone.url, DEADLINE_MS);
  const wrong: string[] = [];
  try {
    await alone.ready();
    const rest = answers.entries();
    const clients = Array.from({ length: CLIENTS }, async () => {
      for (const [file, { click, embedding }] of rest) {
        const own = await use((call) => call(client), file, wrong);
        if (own.click !== click) wrong.push(`click on ${idOf(file)}`);
        if (own.embedding !== embedding) wrong.push(`embedding of ${idOf(file)}`);
      }
    });
    await Promise.all(clients);
  } finally {
    client.close();
    await alone.stop();
  }
  check(wrong.length === 0, `all are as one process answers: ${wrong.slice(0, 5).join('; ')}`);
  return { compared: answers.size };
}

export function said({ status, error, body }: Reply): string {
  return `${error ?? status} ${body.toString('utf8', 0, 300)}`;
}
