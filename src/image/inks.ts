/**
 * The colours that inks make, as PIL's `convert("RGB")` has them: by arithmetic, with no profile.
 * @param inks interleaved 8-bit cyan, magenta, yellow and black, 255 for all that there can be; it is written over.
 * @param channels of a pixel of the result: red, green and blue, with 4 also an opacity of 255.
 * @returns the same memory.
 */
export function inksToColours(inks: Uint8Array, channels: 3 | 4): Uint8Array {
  let to = 0;
  for (let from = 0; from < inks.length; from += 4) {
    const light = 255 - (inks[from + 3] as number);
    for (let ink = 0; ink < 3; ink++) {
      // PIL's MULDIV255: a product of two bytes, divided by 255 and rounded.
      const product = (inks[from + ink] as number) * light + 128;
      inks[to++] = light - (((product >> 8) + product) >> 8);
    }
    if (channels === 4) inks[to++] = 255;
  }
  return inks.subarray(0, to);
}
