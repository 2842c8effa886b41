import '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { SamError } from '../core/errors.js';
import { parseField } from './json.js';
import type { Upload, Uploads } from './uploads.js';

/** A form with its one image. */
export interface Form {
  readonly upload: Upload;
  /** The other fields: JSON where their text is JSON, the text itself where it is not. */
  readonly fields: Record<string, unknown>;
}

/**
 * Reads a multipart body: one file named `image`, and fields in any order around it.
 * @throws SamError `malformed-request`, `invalid-request`, and what `Uploads.receive` throws
 */
export async function readForm(request: FastifyRequest, uploads: Uploads): Promise<Form> {
  if (!request.isMultipart()) {
    throw new SamError(
      'unsupported-media-type',
      'send a form (multipart/form-data) with the file image',
    );
  }
  let upload: Upload | undefined;
  const fields: Record<string, unknown> = {};
  try {
    for await (const part of request.parts()) {
      const name = part.fieldname;
      if (part.type === 'file') {
        if (name !== 'image') throw invalid(`/${name}`, 'is not a known file: name it image');
        if (upload) throw invalid('/image', 'must be one file only');
        upload = await uploads.receive(part.file);
        if (part.file.truncated) throw new SamError('payload-too-large', 'the image is too large');
      } else {
        if (Object.hasOwn(fields, name)) throw invalid(`/${name}`, 'stands twice in the form');
        if (name === 'image') throw invalid('/image', 'must be a file (curl: -F image=@photo.jpg)');
        if (part.valueTruncated) throw new SamError('payload-too-large', `${name} is too long`);
        fields[name] = typeof part.value === 'string' ? parseField(part.value) : part.value;
      }
    }
    if (!upload) throw invalid('/image', 'is missing: send the photograph as a file named image');
    return { upload, fields };
  } catch (error) {
    upload?.release();
    throw error instanceof SamError || isFrameworkError(error) ? error : malformed(error);
  }
}

function invalid(path: string, message: string): SamError {
  const violations = [{ path, message }];
  return new SamError('invalid-request', `${path} ${message}`, { violations });
}

/** The parser's own findings, such as a missing boundary, carry neither code nor status. */
function malformed(cause: unknown): SamError {
  return new SamError('malformed-request', 'the multipart body is malformed', { cause });
}

function isFrameworkError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('FST_');
}
