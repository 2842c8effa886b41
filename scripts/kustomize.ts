import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; namespace?: string };
  readonly [field: string]: unknown;
}

interface Kustomization {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly images?: readonly { name: string; newName: string; newTag: string }[];
  readonly patches?: readonly { path: string }[];
}

const KNOWN = ['apiVersion', 'kind', 'namespace', 'resources', 'images', 'patches'];
const CLUSTER_WIDE = ['Namespace'];

/**
 * What `kustomize build` makes of a folder, as far as ours go: resources, images, a namespace, and strategic merges.
 * @throws Error for what else kustomize can do
 */
export function render(folder: string): Manifest[] {
  const settings = parse(read(folder, 'kustomization.yaml')) as Kustomization;
  const unknown = Object.keys(settings).filter((field) => !KNOWN.includes(field));
  if (unknown.length > 0) throw new Error(`${folder}: ${unknown} is not rendered here`);
  const { resources = [], images = [], patches = [], namespace } = settings;
  let manifests = resources.flatMap((resource) =>
    resource.endsWith('.yaml') ? documents(folder, resource) : render(join(folder, resource)),
  );
  for (const { path } of patches) {
    for (const patch of documents(folder, path)) {
      const { kind, metadata } = patch;
      const isTarget = (each: Manifest) =>
        each.kind === kind && each.metadata.name === metadata.name;
      if (!manifests.some(isTarget)) throw new Error(`${path}: there is no ${metadata.name}`);
      manifests = manifests.map((each) =>
        isTarget(each) ? (merge(each, patch) as Manifest) : each,
      );
    }
  }
  const tags = new Map(images.map(({ name, newName, newTag }) => [name, `${newName}:${newTag}`]));
  return manifests.map((each) => {
    const named = withImages(each, tags) as Manifest;
    if (!namespace || CLUSTER_WIDE.includes(each.kind)) return named;
    return { ...named, metadata: { ...named.metadata, namespace } };
  });
}

function documents(folder: string, file: string): Manifest[] {
  return parseAllDocuments(read(folder, file)).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

function read(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}

type Fields = Readonly<Record<string, unknown>>;

/** Objects field by field, lists of named things by their names, and all else replaced. */
function merge(base: unknown, patch: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(patch) && [...base, ...patch].every(isNamed)) {
    const merged = base.map((each) => {
      const other = patch.find(({ name }) => name === each.name);
      return other ? merge(each, other) : each;
    });
    // As kustomize has it: what is new goes first.
    return [...patch.filter(({ name }) => !base.some((each) => each.name === name)), ...merged];
  }
  if (!isObject(base) || !isObject(patch)) return patch;
  const fields = Object.entries(patch).map(([name, value]) => [name, merge(base[name], value)]);
  return { ...base, ...Object.fromEntries(fields) };
}

function withImages(value: unknown, tags: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((each) => withImages(each, tags));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      name === 'image' ? (tags.get(String(field)) ?? field) : withImages(field, tags),
    ]),
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is { name: string } {
  return isObject(value) && typeof value['name'] === 'string';
}
