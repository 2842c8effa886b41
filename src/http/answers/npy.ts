import type { Dtype } from '../../core/tensors/tensor.js';

const DESCR = { float16: '<f2', float32: '<f4' };

/**
 * What stands before a tensor's numbers in NumPy's file format, version 1.0: magic, version, length of the header, and
 * the header as a Python literal padded so that the data starts at a multiple of 64 bytes.
 */
export function npyHeader(shape: readonly number[], dtype: Dtype): Buffer {
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const literal = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const preamble = 10;
  const total = Math.ceil((preamble + literal.length + 1) / 64) * 64;
  const header = Buffer.alloc(total);
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(total - preamble, 8);
  header.write(`${literal.padEnd(total - preamble - 1)}\n`, preamble);
  return header;
}
