import { execFileSync } from 'node:child_process';
import { getPriority } from 'node:os';
import t from 'tap';

const linux = process.platform === 'linux' ? {} : { skip: 'threads have no priorities here' };

/** The priority of a process that was started with `nice`, once it has lowered its own. */
function priorityFrom(nice: number): number {
  const file = new URL('../../dist/lanes/jobs/priority.js', import.meta.url).href;
  const code = `const { lowerPriority } = await import('${file}'); lowerPriority();
    console.log((await import('node:os')).getPriority())`;
  const argv = ['-n', String(nice), process.execPath, '--input-type=module', '-e', code];
  return Number(execFileSync('nice', argv, { encoding: 'utf8' }));
}

t.test('encodes go after clicks, and never before what the operator has said', linux, async (t) => {
  // These tests may have been started with one themselves, which `nice` adds to.
  const own = getPriority();
  t.equal(priorityFrom(0), Math.max(10, own));
  // Only root may raise it again: for anybody else the worker would fail to start.
  t.equal(priorityFrom(15), Math.min(19, own + 15));
});
