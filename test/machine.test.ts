import { totalmem } from 'node:os';
import t from 'tap';
import { memoryLimit } from '#src/machine.js';

type Files = NonNullable<Parameters<typeof t.testdir>[0]>;

const GIB = 2 ** 30;
const UNLIMITED = '9223372036854771712\n';

t.test("the machine's memory, where nothing else is said", async (t) => {
  t.equal(memoryLimit(t.testdir(), 8 * GIB), 8 * GIB);
  const root = t.testdir({
    proc: { self: { cgroup: '0::/\n', limits: limits('unlimited', 'unlimited', 'unlimited') } },
    sys: { fs: { cgroup: { 'memory.max': 'max\n', 'memory.high': 'max\n' } } },
  });
  t.equal(memoryLimit(root, 8 * GIB), 8 * GIB);
  t.ok(memoryLimit() > 2 ** 20 && memoryLimit() <= totalmem(), 'this machine');
});

t.test('control groups of version 2: the least of its own and of those around it', async (t) => {
  const machine = (groups: Files, path = '/a.slice/b.service') =>
    memoryLimit(
      t.testdir({ proc: { self: { cgroup: `0::${path}\n` } }, sys: { fs: { cgroup: groups } } }),
      8 * GIB,
    );
  const group = (max: string, high = 'max') => ({ 'memory.max': max, 'memory.high': high });
  const inner = { 'b.service': group(`${2 * GIB}\n`) };
  t.equal(machine({ 'a.slice': { ...group('max\n'), ...inner } }), 2 * GIB);
  t.equal(machine({ 'a.slice': { ...group(`${GIB}\n`), ...inner } }), GIB, 'the slice has less');
  t.equal(machine({ 'a.slice': { ...group('max', `${GIB}\n`), ...inner } }), GIB, 'slowed down');
  t.equal(machine({ 'a.slice': inner, 'z.slice': group(`${GIB}`) }), 2 * GIB, 'not a neighbour');
  // In a container its own group is the root, whatever it is called outside.
  t.equal(machine(group(`${3 * GIB}\n`)), 3 * GIB);
  t.equal(machine(group(`${3 * GIB}\n`), '/'), 3 * GIB);
  t.equal(machine(group(`${3 * GIB}\n`), '/../../docker/x'), 3 * GIB);
});

t.test('control groups of version 1', async (t) => {
  const machine = (inner: string, outer: string) =>
    memoryLimit(
      t.testdir({
        proc: { self: { cgroup: '9:name=systemd:/x\n4:memory:/docker/x\n1:cpu:/x\n0::/x\n' } },
        sys: {
          fs: {
            cgroup: {
              memory: { 'memory.limit_in_bytes': outer, docker: { x: { ...own(inner) } } },
              cpu: { x: own(`${GIB}\n`) },
            },
          },
        },
      }),
      8 * GIB,
    );
  const own = (bytes: string) => ({ 'memory.limit_in_bytes': bytes });
  t.equal(machine(UNLIMITED, UNLIMITED), 8 * GIB);
  t.equal(machine(`${2 * GIB}\n`, UNLIMITED), 2 * GIB);
  t.equal(machine(UNLIMITED, `${3 * GIB}\n`), 3 * GIB, 'as seen in the container');
});

t.test('limits of the process', async (t) => {
  const machine = (space: string, data: string, resident: string) =>
    memoryLimit(t.testdir({ proc: { self: { limits: limits(space, data, resident) } } }), 8 * GIB);
  t.equal(machine(`${3 * GIB}`, 'unlimited', 'unlimited'), 3 * GIB);
  t.equal(machine('unlimited', `${2 * GIB}`, 'unlimited'), 2 * GIB);
  t.equal(machine(`${3 * GIB}`, 'unlimited', `${GIB}`), GIB);
  t.equal(machine('unlimited', 'unlimited', 'unlimited'), 8 * GIB, 'not that of open files');
});

/** As the kernel lays them out. */
function limits(space: string, data: string, resident: string): string {
  const line = (name: string, soft: string, units = 'bytes') =>
    `${name.padEnd(26)}${soft.padEnd(21)}${'unlimited'.padEnd(21)}${units.padEnd(10)}\n`;
  return [
    line('Limit', 'Soft Limit', 'Units'),
    line('Max cpu time', 'unlimited', 'seconds'),
    line('Max data size', data),
    line('Max stack size', '8388608'),
    line('Max resident set', resident),
    line('Max open files', '1024', 'files'),
    line('Max address space', space),
  ].join('');
}
