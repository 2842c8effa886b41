import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import t, { type Test } from 'tap';
import { ImageChild } from '#src/lanes/images/image-child.js';
import { memoryBound } from '#src/lanes/images/resident-memory.js';

const create = { width: 6000, height: 5000, channels: 3, background: 'teal' } as const;
const large = await sharp({ create }).jpeg({ progressive: true }).toBuffer();
const small = await sharp({ create: { ...create, width: 40, height: 20 } })
  .png()
  .toBuffer();
const question = { kind: 'prepare', maxPixels: 50_000_000, side: 64 } as const;
const staying = () => new Int32Array(new SharedArrayBuffer(4));

function childWith(t: Test, timeoutMs: number): ImageChild {
  const child = new ImageChild(timeoutMs);
  t.teardown(() => child.close());
  return child;
}

/** Whether a process is there and no corpse. */
function lives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

/** Resolves when a child of this process is known to have ended. */
async function reaped(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await after(5);
}

async function gone(pid: number): Promise<void> {
  while (lives(pid)) await after(10);
}

t.test('pixels come in the size that is asked for', async (t) => {
  const child = childWith(t, 10_000);
  const { answer, parts } = await child.ask(question, [small], staying());
  t.match(answer, { image: { width: 40, height: 20 }, pixels: { width: 64, height: 32 } });
  t.same([...(parts[0] as Uint8Array).subarray(0, 3)], [0, 128, 128]);
  t.equal(parts[0]?.length, 64 * 32 * 3);
});

t.test('pictures keep the profile of their photograph, and its opacity', async (t) => {
  const child = childWith(t, 10_000);
  const pixels = Buffer.from([200, 100, 50, 128, 10, 20, 30, 255]);
  const file = await sharp(pixels, { raw: { width: 2, height: 1, channels: 4 } })
    .withIccProfile('p3')
    .png()
    .toBuffer();
  const { icc } = await sharp(file).metadata();
  t.ok(icc);
  const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
  // Runs of 0 and 1: the first pixel.
  const mask = Buffer.from('01');
  const cut = { kind: 'cutOut', maxPixels: 100 } as const;
  const cutouts = await child.ask(cut, [file, mask], staying());
  const drawn = { kind: 'overlay', maxPixels: 100, prompts: [] } as const;
  const overlay = await child.ask(drawn, [file, mask], staying());
  for (const { parts } of [cutouts, overlay]) {
    const { icc: kept, hasAlpha } = await sharp(parts[0]).metadata();
    t.same(kept, icc);
    t.ok(hasAlpha);
  }
  const cutPixels = await sharp(cutouts.parts[0], { ignoreIcc: true }).raw().toBuffer();
  t.same([...cutPixels], [...stored.subarray(0, 4), 0, 0, 0, 0]);
});

t.test('what takes too long is killed, and the next image finds a process', async (t) => {
  const child = childWith(t, 50);
  await child.start();
  const { pid } = child;
  const refusal = { code: 'image-unreadable', message: 'the image takes too long to decode' };
  await t.rejects(child.ask(question, [large], staying()), refusal);
  await reaped(pid as number);
  t.not(child.pid, pid, 'there is another already');
  const drawn = { kind: 'overlay', maxPixels: 5e7, prompts: [] } as const;
  await t.rejects(child.ask(drawn, [large], staying()), { code: 'inference-timeout' });
});

const linux = process.platform === 'linux' ? {} : { skip: 'elsewhere time is by the clock' };
t.test('a machine that is busy is not the fault of the image', linux, async (t) => {
  const timeoutMs = 250;
  const child = childWith(t, timeoutMs);
  await child.start();
  // A process that is stopped takes no more of the processor than one that never gets it.
  const stopped = async (ms: number) => {
    process.kill(child.pid as number, 'SIGSTOP');
    const answer = child.ask(question, [small], staying());
    const late = answer.catch(() => {});
    await Promise.race([late, after(ms, undefined, { ref: false })]);
    process.kill(child.pid as number, 'SIGCONT');
    return answer;
  };
  t.ok(await stopped(2 * timeoutMs), 'twice the time is no failure');
  await t.rejects(stopped(60_000), { code: 'inference-timeout', message: /too busy/ });
});

t.test('a caller who leaves takes the work along', async (t) => {
  const child = childWith(t, 60_000);
  await child.start();
  const left = staying();
  // Twenty times over, it would take seconds.
  const masks = Array<Buffer>(20).fill(Buffer.from('0PPRlj0'));
  const drawing = child.ask({ kind: 'cutOut', maxPixels: 5e7 }, [large, ...masks], left);
  Atomics.store(left, 0, 1);
  await t.rejects(drawing, { message: 'the caller has left' });
  t.ok(await child.ask(question, [small], staying()));
});

t.test('who dies alone fails one image', async (t) => {
  const child = childWith(t, 60_000);
  await child.start();
  const first = child.pid as number;
  process.kill(first, 'SIGKILL');
  await reaped(first);
  t.ok(await child.ask(question, [small], staying()), 'at rest, none');
  const lost = child.ask(question, [large], staying());
  while (child.pid === undefined) await after(1);
  process.kill(child.pid, 'SIGKILL');
  await t.rejects(lost, { code: 'image-unreadable', message: 'the image cannot be decoded' });
  t.ok(await child.ask(question, [small], staying()));
});

t.test('memory is bounded by what a file declares', async (t) => {
  t.ok(memoryBound([large], 5e7) > 30e6 * 16);
  t.ok(memoryBound([small], 5e7) < 300e6);
  t.ok(memoryBound([Buffer.alloc(10)], 5e7) > 50e6 * 16, 'who hides it gets the most');
  const child = new ImageChild(60_000, ([file]) => (file === large ? 120e6 : 1e9));
  t.teardown(() => child.close());
  const refusal = {
    code: 'image-unreadable',
    message: 'the image takes too much memory to decode',
  };
  await t.rejects(child.ask(question, [large], staying()), refusal);
  t.ok(await child.ask(question, [small], staying()));
});

t.test('a process that keeps much memory is replaced', async (t) => {
  const child = childWith(t, 60_000);
  await child.start();
  const { pid } = child;
  await child.ask(question, [small], staying());
  t.equal(child.pid, pid, 'a small image leaves it');
  // The file itself is what it still holds when it has answered.
  const padded = Buffer.concat([small, Buffer.alloc(400 * 2 ** 20)]);
  await child.ask(question, [padded], staying());
  t.not(child.pid, pid);
});

t.test('the process ends with the one that started it, however that ends', async (t) => {
  const script = fileURLToPath(new URL('./fixtures/image-parent.mjs', import.meta.url));
  for (const how of ['in the thread', 'from outside'] as const) {
    const parent = spawn(process.execPath, [script, how], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => parent.kill('SIGKILL'));
    const [pid] = await once(createInterface(parent.stdout), 'line');
    t.ok(lives(Number(pid)));
    if (how === 'from outside') parent.kill('SIGKILL');
    else parent.stdin.end('terminate');
    await gone(Number(pid));
    t.notOk(lives(Number(pid)), how);
  }
});
