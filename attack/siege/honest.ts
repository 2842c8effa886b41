import sharp from 'sharp';
import { noise, photograph } from '../../test/fixtures/pictures.js';
import { Client, closedLoop, percentile, poisson, type Reply } from '../client.js';

/** Clicks a second. */
const CLICKS = 6;
/** Times /healthz is asked for, a second. */
const BEATS = 20;

/** The addresses that honest clients come from, as many as attackers have by default: 127.0.1.1 to 127.0.1.8. */
const ADDRESSES = Number(process.env['HONEST'] ?? 8);

/** Milliseconds after which an answer is given up. */
const PATIENCE = 30_000;

/** What honest clients saw. */
export interface Seen {
  readonly clicks: number;
  readonly clicksAnswered: number;
  /** Milliseconds of clicks; of one that failed, infinite. */
  readonly clickP50: number;
  readonly clickP99: number;
  readonly uploads: number;
  readonly uploadsAnswered: number;
  /** Milliseconds of uploads that were answered. */
  readonly uploadP99: number;
  /** Milliseconds of /healthz, asked for at fixed times however long the last answer took. */
  readonly healthP99: number;
  /** How often each refusal came, 0 for no answer. */
  readonly failures: Record<string, number>;
}

/** Clients who do nothing wrong: they click on a few photographs and upload new ones. */
export class Honest {
  /** Each of an address of its own. */
  readonly #clients: readonly Client[];
  readonly #health: Client;
  readonly #pictures: readonly Buffer[];
  readonly #ids: string[] = [];
  readonly #random = noise(14);
  #clicks = 0;
  #count = 0;

  private constructor(url: string, pictures: readonly Buffer[]) {
    this.#clients = Array.from(
      { length: ADDRESSES },
      (_, i) => new Client(url, PATIENCE, `127.0.1.${i + 1}`),
    );
    this.#health = new Client(url, PATIENCE);
    this.#pictures = pictures;
  }

  /** Draws photographs and embeds them. */
  static async start(url: string): Promise<Honest> {
    const pictures: Buffer[] = [];
    for (const [i, [width, height]] of SIZES.entries()) {
      const { data } = photograph(width, height, i + 1);
      const raw = { width, height, channels: 3 } as const;
      pictures.push(await sharp(data, { raw }).jpeg({ quality: 90 }).toBuffer());
    }
    const honest = new Honest(url, pictures);
    const patient = new Client(url);
    for (const picture of pictures) {
      const { status, body } = await patient.embed(picture);
      if (status !== 201) throw new Error(`a photograph is embedded, not ${status} ${body}`);
      honest.#ids.push(JSON.parse(String(body)).embedding_id);
    }
    patient.close();
    return honest;
  }

  /** Of the first photograph. */
  get id(): string {
    return this.#ids[0] as string;
  }

  /** New images a second that are embedded when two clients do nothing else, for `seconds`. */
  async most(seconds: number): Promise<number> {
    const start = performance.now();
    const replies = await closedLoop(2, seconds, () => this.#upload());
    const good = replies.filter(({ status }) => status === 201).length;
    return (1000 * good) / (performance.now() - start);
  }

  /** Clicks, and uploads `rate` images a second, for `seconds`. */
  async live(rate: number, seconds: number): Promise<Seen> {
    const health = beat(this.#health, seconds);
    const [clicks, uploads] = await Promise.all([
      poisson(CLICKS, seconds, this.#random, () => this.#click()),
      poisson(rate, seconds, this.#random, () => this.#upload()),
    ]);
    const good = ({ status }: Reply) => status >= 200 && status < 300;
    const failures: Record<string, number> = {};
    for (const reply of [...clicks, ...uploads]) {
      const key = why(reply);
      if (!good(reply)) failures[key] = (failures[key] ?? 0) + 1;
    }
    const times = clicks.map((each) => (good(each) ? each.ms : Number.POSITIVE_INFINITY));
    const answered = uploads.filter(good);
    return {
      clicks: clicks.length,
      clicksAnswered: clicks.filter(good).length,
      clickP50: Math.round(percentile(times, 0.5)),
      clickP99: Math.round(percentile(times, 0.99)),
      uploads: uploads.length,
      uploadsAnswered: answered.length,
      uploadP99: Math.round(
        percentile(
          answered.map(({ ms }) => ms),
          0.99,
        ),
      ),
      healthP99: Math.round(percentile(await health, 0.99)),
      failures,
    };
  }

  close(): void {
    for (const client of [...this.#clients, this.#health]) client.close();
  }

  #click(): Promise<Reply> {
    const id = this.#ids[Math.floor(this.#random() * this.#ids.length)] as string;
    const at = [100 + 300 * this.#random(), 100 + 200 * this.#random()];
    return this.#client(this.#clicks++).decode(id, { point_coords: [at], point_labels: [1] });
  }

  /** An image that was never seen: what follows the end of a file makes it another. */
  #upload(): Promise<Reply> {
    const picture = this.#pictures[this.#count % this.#pictures.length] as Buffer;
    const client = this.#client(this.#count);
    return client.embed(Buffer.concat([picture, Buffer.from(`#${this.#count++}`)]));
  }

  /** They come one after the other. */
  #client(count: number): Client {
    return this.#clients[count % this.#clients.length] as Client;
  }
}

const SIZES = [
  [640, 480],
  [1024, 683],
  [1280, 960],
  [500, 700],
] as const;

/** Milliseconds of answers of /healthz; of what is not answered, infinite. */
async function beat(client: Client, seconds: number): Promise<number[]> {
  const call = () => client.send({ method: 'GET', path: '/healthz' });
  const replies: Promise<Reply>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      replies.push(call());
      if (replies.length < seconds * BEATS) return;
      clearInterval(timer);
      resolve();
    }, 1000 / BEATS);
  });
  const all = await Promise.all(replies);
  return all.map(({ status, ms }) => (status === 200 ? ms : Number.POSITIVE_INFINITY));
}

/** The status of an answer, and what a problem says. */
function why({ status, body }: Reply): string {
  const detail = /"detail":"([^"]*)"/.exec(String(body))?.[1];
  return detail ? `${status} ${detail}` : String(status);
}
