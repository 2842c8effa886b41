/** Loaded into every thread of the victim: a run of a network ends as the file FAULT_FILE says, once. */
import { readFileSync, unlinkSync } from 'node:fs';
import { beforeEachRun } from './each-run.mjs';

function take() {
  try {
    const fault = readFileSync(process.env.FAULT_FILE, 'utf8');
    // Of several threads that have read it, one removes it.
    unlinkSync(process.env.FAULT_FILE);
    return fault;
  } catch {
    return undefined;
  }
}

await beforeEachRun(() => {
  const fault = take();
  if (fault === 'exit') process.exit(1);
  if (fault === 'throw') throw new Error('planted');
});
