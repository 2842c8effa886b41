import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';

/** A file that is open for reading. */
export interface OpenFile {
  readonly descriptor: number;
  readonly size: number;
}

/**
 * Opens a regular file, and nothing else: a pipe would block, and a device may never end.
 * @throws Error when it cannot be opened, is a folder, a pipe or a device, or has more than `largest` bytes.
 */
export function openRegularFile(path: string, largest: number): OpenFile {
  // Checked first, because opening a device can have effects.
  check(statSync(path), largest);
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    check(stats, largest);
    return { descriptor, size: stats.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** The text of a regular file. @throws Error as `openRegularFile` */
export function readRegularFile(path: string, largest: number): string {
  const { descriptor } = openRegularFile(path, largest);
  try {
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function check(stats: Stats, largest: number): void {
  if (stats.isDirectory()) throw new Error('it is a folder, not a file');
  if (!stats.isFile()) throw new Error('it is a pipe, a socket or a device, not a file');
  if (stats.size > largest) {
    throw new Error(`it has ${stats.size} bytes, more than the ${largest} that are read`);
  }
}
