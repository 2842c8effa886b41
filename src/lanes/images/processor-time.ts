import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel was built with. */
const TICK_MS = 10;
/** Where the state is, the third field, and from it on the ticks in the process and in the kernel. */
const [STATE, USER, SYSTEM] = [3, 14, 15];

/**
 * What all threads of a process have taken of the processor, in milliseconds: what a task costs, however busy the
 * machine is. @returns undefined where nobody tells, or the process is gone
 */
export function processorMs(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, a name in brackets, may have spaces and brackets of its own.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return TICK_MS * (Number(fields[USER - STATE]) + Number(fields[SYSTEM - STATE]));
  } catch {
    return undefined;
  }
}
