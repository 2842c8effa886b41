import { MEDIA_TYPES } from '../../core/mask.js';

export const JSON_TYPE = 'application/json';
/** As the framework says it of what it has serialized itself. */
export const JSON_TYPE_UTF8 = `${JSON_TYPE}; charset=utf-8`;
/** Events, a line each. */
export const NDJSON = 'application/x-ndjson';
/** One collection of features. */
export const GEOJSON = 'application/geo+json';
/** Masks as parts of one body. */
export const MULTIPART = 'multipart/mixed';
export const PNG = 'image/png';
/** Numbers as they lie in memory, an ONNX file: bytes of any kind. */
export const BYTES = 'application/octet-stream';
export const NPY = 'application/x-npy';
/** Tensors by name. */
export const SAFETENSORS = 'application/x-safetensors';

/** What a mask may be as the body itself; a format that is JSON comes inside of the usual answer. */
export const MASK_FILE_TYPES = [...new Set<string>(Object.values(MEDIA_TYPES))].filter(
  (type) => type !== JSON_TYPE,
);
