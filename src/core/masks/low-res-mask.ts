/** Side of the masks that the decoder makes, whatever the size of the image: each is [256,256] logits. */
export const LOW_RES_SIDE = 256;

/** Logits of one mask. */
export const LOW_RES_LOGITS = LOW_RES_SIDE * LOW_RES_SIDE;
