import { readdirSync, readFileSync } from 'node:fs';

/** A process and all that it has started, by their ids. */
export function treeOf(pid: number): number[] {
  const ids = [pid];
  // A child belongs to the thread that started it.
  for (const thread of listed(`/proc/${pid}/task`)) {
    const children = read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean);
    for (const child of children) ids.push(...treeOf(Number(child)));
  }
  return ids;
}

/** Resident memory of a process and of its children together, in MiB. Pages they share count once for each. */
export function residentOf(pid: number): number {
  let kilobytes = 0;
  for (const id of treeOf(pid)) {
    kilobytes += Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${id}/status`))?.[1] ?? 0);
  }
  return kilobytes / 1024;
}

/** Linux counts processor time in hundredths of a second. */
const TICKS = 100;

/** Processor time of a process, of its children, and of those that have ended, in seconds. */
export function processorOf(pid: number): number {
  let ticks = 0;
  for (const id of treeOf(pid)) {
    // After the name in brackets, which may hold anything, the fields begin with the third.
    const fields = read(`/proc/${id}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ');
    for (const field of fields.slice(11, 15)) ticks += Number(field);
  }
  return ticks / TICKS;
}

/** Samples that memory every 100 ms until told to stop; gives the most there was, in MiB. */
export function watchMemory(pid: number): () => number {
  let most = residentOf(pid);
  const timer = setInterval(() => {
    most = Math.max(most, residentOf(pid));
  }, 100);
  return () => {
    clearInterval(timer);
    return Math.max(most, residentOf(pid));
  };
}

/** What has ended meanwhile has no files there any more. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
