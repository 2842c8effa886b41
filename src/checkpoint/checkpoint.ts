import { OperatorError } from '../core/errors.js';
import { CheckpointFile } from './checkpoint-file.js';
import { segmentAnythingNames } from './names.js';
import { readSafetensors } from './safetensors.js';
import type { StoredTensor } from './stored-tensor.js';
import { readTorchFile } from './torch-file.js';

/** Tensors by name: of a SAM, those of segment-anything's state dict. */
export type StateDict = ReadonlyMap<string, StoredTensor>;

/** An open checkpoint. Its tensors are read on demand. */
export interface Checkpoint {
  /** The folder that the tensors' `external.location` is in. */
  readonly folder: string;
  readonly tensors: StateDict;
  close(): void;
}

/** Characters of an error's reason. */
const LONGEST_REASON = 400;

/** The first byte of a bare pickle, which `torch.save` wrote before PyTorch 1.6. */
const PICKLE = 0x80;
/** The ninth of a safetensors file, where its header of JSON begins. */
const BRACE = 0x7b;
/** The first two of a ZIP archive, which `torch.save` writes. */
const ZIP = [0x50, 0x4b] as const;

/**
 * Opens a checkpoint that `torch.save` or safetensors wrote. No code in the file is run.
 * @param named gives its tensors the names that are asked for; as a rule those of segment-anything, which Hugging Face's
 *   SAM has otherwise.
 * @throws OperatorError saying what is wrong with the file.
 */
export function openCheckpoint(
  path: string,
  named: (tensors: StateDict) => StateDict = asSegmentAnything,
): Checkpoint {
  let file: CheckpointFile;
  try {
    file = new CheckpointFile(path);
  } catch (cause) {
    throw new OperatorError(`cannot open ${path}: ${reasonOf(cause)}`, { cause });
  }
  try {
    const tensors = named(read(file));
    return { folder: file.folder, tensors, close: () => file.close() };
  } catch (cause) {
    file.close();
    throw new OperatorError(`${path} is not a checkpoint that can be read: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Whether a file begins as checkpoints do, whatever its name is. @throws Error when it cannot be opened */
export function isCheckpoint(path: string): boolean {
  const file = new CheckpointFile(path);
  try {
    if (file.size < 16) return false;
    const start = file.read(0, 9);
    return start[0] === PICKLE || start[8] === BRACE || ZIP.every((byte, i) => start[i] === byte);
  } finally {
    file.close();
  }
}

/** Hugging Face's SAM 2 has the embeddings of points in one tensor. */
const POINTS = 'prompt_encoder.point_embeddings';
/** Labels of points; a tensor of any other number is refused by its name. */
const POINT_LABELS = 4;

function asSegmentAnything(tensors: StateDict): StateDict {
  const named = segmentAnythingNames(tensors);
  const joined = named.get(`${POINTS}.weight`);
  if (joined?.shape[0] !== POINT_LABELS) return named;
  named.delete(`${POINTS}.weight`);
  for (const [label, row] of joined.rows().entries()) named.set(`${POINTS}.${label}.weight`, row);
  return named;
}

/** An error's reason, safe for a terminal: names in the file may be megabytes long, or move the cursor. */
function reasonOf(cause: unknown): string {
  const { message } = cause as Error;
  const short =
    message.length > LONGEST_REASON ? `${message.slice(0, LONGEST_REASON)}...` : message;
  return short.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

/** Recognises the format by the file's first bytes: its name may be wrong. */
function read(file: CheckpointFile): Map<string, StoredTensor> {
  if (file.size < 16) throw new Error(`it has ${file.size} bytes`);
  const start = file.read(0, 9);
  if (start[8] === BRACE) return readSafetensors(file);
  if (start[0] === PICKLE) {
    throw new Error('it is from before PyTorch 1.6: load it there and save it again');
  }
  return readTorchFile(file);
}
