import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGE = join(ROOT, 'clients/typescript');

/** The program of the package's README. */
function example(): string {
  const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
  const [, code] = /```ts\n(.*?)```/s.exec(readme) as unknown as [string, string];
  return code;
}

t.test('the package works where nothing else is', async (t) => {
  const { url } = await sharedService(t);
  // Outside of this repository, whose packages would be found.
  const project = mkdtempSync(join(tmpdir(), 'sam-split-client-'));
  t.teardown(() => rmSync(project, { recursive: true }));
  const npm = (...options: string[]) => run('npm', options, { cwd: project });
  // npm runs no script of its own here.
  await run(process.execPath, [join(PACKAGE, 'declarations.mjs')]);
  const packed = await run('npm', ['pack', '--json', '--pack-destination', project], {
    cwd: PACKAGE,
  });
  const [{ filename, files, size }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n')));
  const paths = (files as { path: string }[]).map(({ path }) => path);
  t.comment(`${filename}: ${paths.length} files, ${(size / 1e6).toFixed(1)} MB`);
  t.ok(size < 10e6, 'two runtimes and not all of onnxruntime-web');
  for (const path of ['README.md', 'dist/index.d.ts', 'dist/assets/decode-worker.js']) {
    t.ok(paths.includes(path), path);
  }
  t.strictSame(
    paths.filter((path) => !/^(package\.json|README\.md|dist\/)/.test(path)),
    [],
  );

  const settings = { name: 'project', private: true, type: 'module' };
  writeFileSync(join(project, 'package.json'), JSON.stringify(settings));
  await npm('install', '--offline', '--no-audit', '--no-fund', `./${filename}`);
  writeFileSync(join(project, 'photo.jpg'), await draw(scene(1)));
  const code = example();
  t.equal(code.split('\n').filter((line) => line).length, 10, 'ten lines');
  writeFileSync(join(project, 'example.ts'), code.replace('http://localhost:8080', url));

  await t.test('its types hold, those of its declarations included', async (t) => {
    const compiler = join(ROOT, 'node_modules/typescript/lib/tsc.js');
    const options = ['--strict', '--target', 'es2022', '--module', 'nodenext'];
    const types = ['--lib', 'es2023,dom,dom.asynciterable', '--types', 'node'];
    const roots = ['--typeRoots', join(ROOT, 'node_modules/@types'), 'example.ts'];
    const checked = run(process.execPath, [compiler, ...options, ...types, ...roots], {
      cwd: project,
    });
    t.equal(await checked.then(({ stdout }) => stdout).catch(({ stdout }) => stdout), '');
  });

  await t.test("its README's program runs", async (t) => {
    const { stdout } = await run(process.execPath, ['example.js'], { cwd: project });
    const lines = stdout.trim().split('\n');
    t.equal(lines.length, 2);
    t.match(lines[0], /^[01]\.\d+ \[ \d+, \d+, \d+, \d+ \] 7[78]\d\d$/);
    t.match(lines[1], /^wasm \d+ ms 120000$/);
  });
});
