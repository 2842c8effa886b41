import '@fastify/multipart';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { SamError, violation } from '../../core/errors.js';
import type { ImageFile } from '../../core/image.js';
import { FORM, invalid } from './findings.js';
import { parseField } from './json.js';
import { JsonMeasure } from './json-measure.js';
import { declaredLength, readBody } from './reading/body.js';
import { withUnpacked } from './reading/content-encoding.js';
import type { Uploads } from './uploads.js';

/** Bytes that all fields of a form may have beside its image: those of a body of `/decode`. */
const MAX_FIELD_BYTES = 16 * 2 ** 20;

/** A form with its one image. */
export interface Form {
  readonly file: ImageFile;
  /** The other fields: JSON where their text is JSON, the text itself where it is not. */
  readonly fields: Record<string, unknown>;
}

/**
 * Reads a multipart body: one file named `image`, and fields in any order around it.
 * @param known names that are fields however they are sent: a `Blob` of JSON comes as a file.
 * @throws SamError `malformed-request`, `invalid-request`, and what `Uploads.receive` throws
 */
export async function readForm(
  request: FastifyRequest,
  uploads: Uploads,
  known: readonly string[] = [],
): Promise<Form> {
  if (!request.isMultipart()) {
    throw new SamError(
      'unsupported-media-type',
      'send a form (multipart/form-data) with the file image',
    );
  }
  const { memory } = request.caller;
  let image: ImageFile | undefined;
  const fields: Record<string, unknown> = {};
  let left = MAX_FIELD_BYTES;
  try {
    // As files, the plugin hands the parts over as they come: what it takes for a field it collects and parses itself.
    for await (const part of withUnpacked(request).parts({ isPartAFile: () => true })) {
      const { fieldname: name, file } = part as MultipartFile;
      // A part is read before the next comes, also one that is refused: the error waits for its end.
      if (name === 'image') {
        if (image) throw violation('invalid-request', '/image', 'must be one file only');
        image = await uploads.receive(file, request.caller, declaredLength(request.headers));
        checkImage(part as MultipartFile, image.image);
      } else {
        if (!known.includes(name) && isFile(part as MultipartFile)) {
          throw violation('invalid-request', `/${name}`, 'is not a known file: name it image');
        }
        if (Object.hasOwn(fields, name))
          throw violation('invalid-request', `/${name}`, 'appears twice in the form');
        const measure = new JsonMeasure();
        const onChunk = (chunk: Uint8Array) => measure.add(chunk);
        const text = await readBody(file, memory, { name, maxBytes: left, onChunk });
        left -= text.length;
        // Undefined fields are absent to the schemas.
        fields[name] = parseField(text, measure.values, memory) ?? undefined;
        memory.give('body', text.length);
      }
    }
    if (!image)
      throw violation(
        'invalid-request',
        '/image',
        'is missing: send the photograph as a file named image',
      );
    return { file: image, fields };
  } catch (error) {
    throw error instanceof SamError || isFrameworkError(error) ? error : malformed(error);
  }
}

/** What a browser or curl sends of a file has a name, or says that it is bytes. */
function isFile({ filename, mimetype }: MultipartFile): boolean {
  return filename !== undefined || /^(image\/|application\/octet-stream)/.test(mimetype);
}

/** Refuses text in place of a file, such as the name of one; clients that say nothing of a part may still send bytes. */
function checkImage(part: MultipartFile, image: Uint8Array): void {
  if (isFile(part) || !TEXT.test(Buffer.from(image.subarray(0, HEAD)).toString('latin1'))) return;
  throw violation(
    'invalid-request',
    '/image',
    'must be the file itself, not text (curl: -F image=@photo.jpg)',
  );
}

/** No image begins with so many bytes that are all printable. */
const HEAD = 16;
const TEXT = /^[\t\n\r -~]*$/;

/** The parser's own findings, such as a missing boundary, carry neither code nor status. */
function malformed(cause: unknown): SamError {
  return new SamError('malformed-request', 'the multipart body is malformed', { cause });
}

function isFrameworkError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('FST_');
}

/** The fields of a form, once they fit their schema. @throws SamError `invalid-request` */
export function validated<T extends TSchema>(
  request: FastifyRequest,
  schema: T,
  fields: Record<string, unknown>,
): Static<T> {
  const validate = request.compileValidationSchema(schema, 'body');
  if (validate(fields)) return fields as Static<T>;
  throw invalid(validate.errors ?? [], FORM, fields);
}
