/** Bytes of memory that threads share are refused by `Blob` itself. */
export function asBlob(image: Blob | Uint8Array): Blob {
  return image instanceof Blob ? image : new Blob([image as Uint8Array<ArrayBuffer>]);
}

/**
 * The hash in an embedding's id, in lower-case hex.
 * @returns nothing where there is no WebCrypto: in pages that came by plain HTTP from another machine.
 */
export async function sha256(file: Blob): Promise<string | undefined> {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) return undefined;
  const hash = new Uint8Array(await subtle.digest('SHA-256', await file.arrayBuffer()));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
