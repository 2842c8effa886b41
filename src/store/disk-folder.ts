import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOpen, narrow } from './disk-files.js';

export const SUFFIX = '.embedding';
/** Files lie in folders by the first two digits of their hashes. */
const PART = /^[0-9a-f]{2}$/;
/** A sweep leaves a tenth of the bound free: two processes keep it. */
const SWEEP_TO = 0.9;
/** What a process that died left half written is removed once it is so many milliseconds old. */
const STALE_MS = 600_000;
/** The bits that let others put files in, and the one that says a folder is for everybody, as /tmp is. */
const [WRITABLE, STICKY] = [0o022, 0o1000];

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly usedAt: number;
}

/** What a sweep left. */
export interface Swept {
  readonly entries: number;
  readonly bytes: number;
  /** Why something in the folder could not be closed to others, if anything. */
  readonly exposed: unknown;
}

/**
 * Closes the folder of the disk tier to other users. One that holds what is not ours is left as it is: sweeps close
 * the folders in it.
 * @throws what the file system says, and when others could put files in it
 */
export async function closeFolder(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  if (!isOpen(mode)) return;
  const ours = (await readdir(directory)).every((name) => PART.test(name));
  // The operator may have set a link to the folder, which the dot follows.
  if (ours && (mode & STICKY) === 0) await narrow(`${directory}/.`);
  else if ((mode & WRITABLE) !== 0) throw new Error(`others can write to ${directory}`);
}

/** Looks at the files that are there, of any process, and drops the least recently used beyond the bound. */
export async function sweep(
  directory: string,
  maxBytes: number,
  onEvict: () => void,
): Promise<Swept> {
  const { entries, exposed } = await look(directory);
  let bytes = entries.reduce((sum, { size }) => sum + size, 0);
  let left = entries.length;
  if (bytes > SWEEP_TO * maxBytes) {
    entries.sort((a, b) => a.usedAt - b.usedAt);
    for (const { path, size } of entries) {
      if (bytes <= SWEEP_TO * maxBytes) break;
      await rm(path, { force: true });
      onEvict();
      bytes -= size;
      left--;
    }
  }
  return { entries: left, bytes, exposed };
}

/** Finds the files, closes what is open to others, and removes what was left half written. */
async function look(directory: string): Promise<{ entries: Entry[]; exposed: unknown }> {
  const entries: Entry[] = [];
  let exposed: unknown;
  const close = (path: string) =>
    narrow(path).catch((error) => {
      exposed = error;
    });
  for (const part of await readdir(directory)) {
    if (!PART.test(part)) continue;
    const folder = join(directory, part);
    const { mode, ...kind } = await describe(folder);
    if (!kind.isFolder) continue;
    if (isOpen(mode)) await close(folder);
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const found = await describe(path);
      if (!found.isFile) continue;
      if (name.endsWith(SUFFIX)) {
        if (isOpen(found.mode)) await close(path);
        entries.push({ path, size: found.size, usedAt: found.usedAt });
      } else if (name.endsWith('.tmp') && Date.now() - found.usedAt > STALE_MS) {
        await rm(path, { force: true });
      }
    }
  }
  return { entries, exposed };
}

/** What stands at `path`; a link is neither file nor folder. */
async function describe(path: string) {
  const found = await lstat(path).catch(() => undefined);
  return {
    isFile: found?.isFile() ?? false,
    isFolder: found?.isDirectory() ?? false,
    mode: found?.mode ?? 0,
    size: found?.size ?? 0,
    usedAt: found?.mtimeMs ?? 0,
  };
}
