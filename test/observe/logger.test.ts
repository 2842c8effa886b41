import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import t from 'tap';

t.test('a log that cannot be written does not end the process', async (t) => {
  const module = new URL('../../dist/observe/logger.js', import.meta.url).href;
  const script = `
    const { createLogger } = await import(${JSON.stringify(module)});
    const log = createLogger('info');
    for (let i = 0; i < 9; i++) {
      log.info('x');
      await new Promise((resolve) => setImmediate(resolve));
    }
    process.stderr.write('alive');
  `;
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', full, 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  closeSync(full);
  let said = '';
  for await (const chunk of child.stderr ?? []) {
    said += chunk;
    if (said.endsWith('alive')) child.kill('SIGKILL');
  }
  t.equal(said, 'alive');
});
