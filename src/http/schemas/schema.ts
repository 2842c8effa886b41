import { type Static, type TSchema, Type } from 'typebox';

/** Refuses fields nobody reads: a misspelt option must not pass in silence. */
export const strict = { additionalProperties: false };

/** `enum` reads better in a document and in an error than a union of literals. */
export function choice<const T extends string>(
  values: readonly T[],
  options: Record<string, unknown> = {},
) {
  return Type.Unsafe<T>({ type: 'string', enum: values, ...options });
}

/** A mention of a shared schema: by name in the document, by shape for the compiler. */
export function ref<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}
