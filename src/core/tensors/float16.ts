const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** From here to there, exclusive, the magnitudes of floats are normal halves. */
const [LEAST, BEYOND] = [0x38800000, 0x477ff000];

/** The IEEE 754 binary16 nearest to a float that is no normal half, as bits of both. */
function oddHalf(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  // 65520 is halfway between the largest half, 65504, and the next step: it rounds to infinity.
  if (magnitude >= BEYOND) return sign | 0x7c00;
  // Subnormal: adding 0.5 aligns the mantissa so that the hardware does the rounding.
  floatBits[0] = magnitude;
  float[0] = (float[0] as number) + 0.5;
  return sign | ((floatBits[0] as number) - 0x3f000000);
}

let table: Float32Array | undefined;

/** All 65536 halves as floats: one look-up replaces the arithmetic of expanding them. */
function halfTable(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const exponent = (h >>> 10) & 31;
    const mantissa = h & 1023;
    const magnitude =
      exponent === 31
        ? mantissa === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : exponent === 0
          ? mantissa * 2 ** -24
          : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    table[h] = h & 0x8000 ? -magnitude : magnitude;
  }
  return table;
}

/** Rounds floats to halves (ties to even) into `target`, which is as long as `source`. */
export function toFloat16(source: Float32Array, target: Uint16Array): Uint16Array {
  // Read as bits: a store to turn each float into them would wait for its own load.
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i] as number;
    const magnitude = x & 0x7fffffff;
    const isNormal = magnitude >= LEAST && magnitude < BEYOND;
    const odd = (magnitude >>> 13) & 1;
    target[i] = isNormal
      ? ((x >>> 16) & 0x8000) | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13)
      : oddHalf(x);
  }
  return target;
}

/** Expands halves to floats, exactly. */
export function toFloat32(source: Uint16Array): Float32Array<ArrayBuffer> {
  const halves = halfTable();
  const target = new Float32Array(source.length);
  for (let i = 0; i < source.length; i++) target[i] = halves[source[i] as number] as number;
  return target;
}
