import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What is inside of the folder may have been put there by others: no link is followed, and opening a pipe does not wait
 * for its other end.
 */
const UNTRUSTED = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What opening says of a link, and of a socket. */
const NO_FILE = ['ELOOP', 'EMLINK', 'ENXIO'];

/** Bits of a mode that let others in. */
const OTHERS = 0o077;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * The bytes of a file, or undefined when it is none, or a larger one than `maxBytes`.
 * @throws what the file system says, `ENOENT` for one
 */
export async function readUntrusted(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const handle = await open(path, UNTRUSTED).catch((error) => {
    if (NO_FILE.includes(error.code)) return undefined;
    throw error;
  });
  if (!handle) return undefined;
  try {
    const found = await handle.stat();
    if (!found.isFile() || found.size > maxBytes) return undefined;
    const file = Buffer.allocUnsafeSlow(found.size);
    let length = 0;
    // It may have been cut off meanwhile, and what is appended is not wanted.
    while (length < file.length) {
      const { bytesRead } = await handle.read(file, length, file.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return file.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/** Makes a folder that only this user can enter, unless there is one. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
}

/** Writes a file that only this user can read, under `aside` first, so that no reader ever sees half of it. */
export async function writePrivate(
  folder: string,
  { aside, name }: { aside: string; name: string },
  file: Uint8Array,
): Promise<void> {
  await makeFolder(folder);
  const path = join(folder, aside);
  try {
    const handle = await open(path, 'wx', FILE_MODE);
    try {
      await handle.writeFile(file);
    } finally {
      await handle.close();
    }
    await rename(path, join(folder, name));
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Closes a file or a folder to all but its user.
 * @throws what the file system says, `EPERM` where it is another user's
 */
export async function narrow(path: string): Promise<void> {
  const handle = await open(path, UNTRUSTED);
  try {
    const found = await handle.stat();
    if ((found.mode & OTHERS) === 0) return;
    await handle.chmod(found.isDirectory() ? FOLDER_MODE : FILE_MODE);
  } finally {
    await handle.close();
  }
}

/** Whether a mode lets others in. */
export function isOpen(mode: number): boolean {
  return (mode & OTHERS) !== 0;
}

/** What stands at `path`, and not what a link there leads to. */
export async function kindOf(path: string): Promise<'folder' | 'missing' | 'other'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
}

/** Whether an error says that there is nothing. */
export function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(`${error.code}`)
  );
}
