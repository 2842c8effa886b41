/** A loss or a gradient is no number any more: what follows would be none either. */
export class NotFinite extends Error {}
