import type { CheckpointFile } from './checkpoint-file.js';
import { type Global, type PickleHost, type PickleValue, readPickle } from './pickle.js';
import { STORED_TYPES, StoredTensor, type StoredType } from './stored-tensor.js';
import { readZip, type ZipEntry } from './zip.js';

/** PyTorch's names of storages, with what they hold; others than floats hold no weights. */
const STORAGES: Readonly<Record<string, StoredType | undefined>> = {
  'torch.FloatStorage': 'float',
  'torch.HalfStorage': 'float16',
  'torch.BFloat16Storage': 'bfloat16',
  'torch.DoubleStorage': 'double',
  'torch.LongStorage': undefined,
  'torch.IntStorage': undefined,
  'torch.ShortStorage': undefined,
  'torch.CharStorage': undefined,
  'torch.ByteStorage': undefined,
  'torch.BoolStorage': undefined,
};

/** The names under which training loops keep the model's weights beside an optimizer's. */
const WRAPPERS = ['model', 'state_dict', 'model_state_dict'];

/** ViT-H's pickle takes 100 kB, with an optimizer's state half a megabyte. */
const LARGEST_PICKLE = 16 * 2 ** 20;

/** Dicts within dicts that are searched for the model's weights. */
const MOST_WRAPPERS = 4;

/** A run of numbers that tensors are views of; one that holds no floats has no type. */
class Storage {
  readonly type: StoredType | undefined;
  readonly place: ZipEntry;

  constructor(type: StoredType | undefined, place: ZipEntry) {
    this.type = type;
    this.place = place;
  }
}

/**
 * Reads what `torch.save` writes (since PyTorch 1.6): a zip archive with a pickle and the bytes of each storage.
 * @returns the float tensors of the state dict by name.
 * @throws Error when it is something else, or names anything but tensors, storages and dicts.
 */
export function readTorchFile(file: CheckpointFile): Map<string, StoredTensor> {
  const entries = readZip(file);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw new Error('it is a zip archive, but not one that torch.save wrote');
  }
  const root = pickle.slice(0, -'data.pkl'.length);
  refuseBigEndian(file, entries.get(`${root}byteorder`));
  const { offset, length } = entries.get(pickle) as ZipEntry;
  if (length > LARGEST_PICKLE) throw new Error(`its pickle of ${length} bytes is too large`);
  const content = readPickle(file.read(offset, length), new TorchHost(file, root, entries));
  return tensorsOf(content);
}

function tensorsOf(content: PickleValue): Map<string, StoredTensor> {
  if (!(content instanceof Map)) throw new Error('it holds no state dict');
  let dict: Map<unknown, unknown> = content;
  for (let depth = 0; ; depth++) {
    const inner = WRAPPERS.map((key) => dict.get(key)).find((value) => value instanceof Map);
    if (!inner) break;
    // A pickle's dict may even hold itself.
    if (depth === MOST_WRAPPERS) throw new Error('its state dict is wrapped too often');
    dict = inner as Map<unknown, unknown>;
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of dict) {
    if (typeof name === 'string' && value instanceof StoredTensor) tensors.set(name, value);
  }
  return tensors;
}

/** Grants a pickle what tensors are made of, and nothing else. */
class TorchHost implements PickleHost {
  readonly #file: CheckpointFile;
  readonly #root: string;
  readonly #entries: ReadonlyMap<string, ZipEntry>;

  constructor(file: CheckpointFile, root: string, entries: ReadonlyMap<string, ZipEntry>) {
    this.#file = file;
    this.#root = root;
    this.#entries = entries;
  }

  global(name: string): Global {
    switch (name) {
      case 'collections.OrderedDict':
        return { name, call: () => new Map() };
      case 'torch._utils._rebuild_tensor_v2':
        return { name, call: (args) => this.#tensor(args) };
      case 'torch._utils._rebuild_parameter':
        return { name, call: ([tensor]) => tensor };
    }
    if (Object.hasOwn(STORAGES, name)) {
      return { name, call: () => refuse(name) };
    }
    return refuse(name);
  }

  /** ("storage", class, key, device, elements) */
  persistent(id: PickleValue): Storage {
    const [kind, type, key, , elements] = Array.isArray(id) ? id : [];
    if (kind !== 'storage' || typeof key !== 'string' || !isLength(elements))
      throw new Error('it refers to no storage');
    const { name } = (type ?? {}) as Partial<Global>;
    const stored = Object.hasOwn(STORAGES, name ?? '') ? STORAGES[name as string] : undefined;
    const place = this.#entries.get(`${this.#root}data/${key}`);
    if (!place) throw new Error(`its storage "${key}" is missing`);
    if (stored && elements * STORED_TYPES[stored] !== place.length) {
      throw new Error(
        `its storage "${key}" has ${place.length} bytes, not ${elements} ${stored} numbers`,
      );
    }
    return new Storage(stored, place);
  }

  /** (storage, offset, size, stride, ...) in elements. */
  #tensor([storage, offset, size, stride]: readonly PickleValue[]): StoredTensor | null {
    if (!(storage instanceof Storage)) throw new Error('it has a tensor without storage');
    if (!isLength(offset) || !isLengths(size) || !isLengths(stride)) {
      throw new Error('it has a tensor without a shape');
    }
    const { type, place } = storage;
    if (!type) return null;
    const elements = size.reduce((product, side) => product * side, 1);
    const isRowByRow = size.every(
      (side, axis) =>
        side === 1 || stride[axis] === size.slice(axis + 1).reduce((run, s) => run * s, 1),
    );
    if (!isRowByRow) {
      throw new Error(
        `its tensor [${size}] has the strides [${stride}]: save it with .contiguous()`,
      );
    }
    if ((offset + elements) * STORED_TYPES[type] > place.length) {
      throw new Error(`its tensor [${size}] reaches beyond its storage of ${place.length} bytes`);
    }
    return new StoredTensor(this.#file, type, size, place.offset + offset * STORED_TYPES[type]);
  }
}

function refuse(name: string): never {
  throw new Error(
    `it wants ${name}, and nothing is run but what makes tensors: save the state dict alone, ` +
      'torch.save(model.state_dict(), file)',
  );
}

function refuseBigEndian(file: CheckpointFile, entry: ZipEntry | undefined): void {
  if (!entry) return;
  const order = new TextDecoder().decode(file.read(entry.offset, Math.min(entry.length, 16)));
  if (order.trim() !== 'little') throw new Error(`its byte order is "${order}"`);
}

function isLength(value: PickleValue): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isLengths(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every(isLength);
}
