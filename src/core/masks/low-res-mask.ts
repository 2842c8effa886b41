/** Side of the masks that the decoder makes, whatever the size of the image: each is [256,256] logits. */
export const LOW_RES_SIDE = 256;

/** Logits of one mask. */
export const LOW_RES_LOGITS = LOW_RES_SIDE * LOW_RES_SIDE;

/** Logits as they are handed out: cut off at a limit, both ways. Masks are made of them as they were. */
export function handedOut(logits: Float32Array, limit = Number.POSITIVE_INFINITY): Float32Array {
  if (limit === Number.POSITIVE_INFINITY) return logits;
  return logits.map((logit) => Math.min(Math.max(logit, -limit), limit));
}
