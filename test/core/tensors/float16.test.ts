import t from 'tap';
import { toFloat16, toFloat32 } from '#src/core/tensors/float16.js';

const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const isNumber = (half: number) => (half & 0x7fff) <= 0x7c00;
const half = (value: number) => toFloat16(Float32Array.of(value), new Uint16Array(1))[0];

t.test('halves stay what they are', async (t) => {
  const floats = toFloat32(halves);
  const again = toFloat16(floats, new Uint16Array(halves.length));
  t.equal(halves.filter((bits) => isNumber(bits) && again[bits] !== bits).length, 0);
  t.equal(floats[0x3c00], 1);
  t.equal(floats[1], 2 ** -24);
  t.ok(Number.isNaN(toFloat32(Uint16Array.of(half(Number.NaN) as number))[0]));
});

t.test('floats between two halves become the nearer, and the even one halfway', async (t) => {
  const floats = toFloat32(halves);
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [floats[bits] as number, floats[bits + 1] as number];
    const middle = (low + high) / 2;
    const even = bits % 2 ? bits + 1 : bits;
    const nudge = middle * 2 ** -23;
    if (half(middle) !== even || half(middle - nudge) !== bits) wrong.push(bits);
    if (half(middle + nudge) !== bits + 1 || half(-middle) !== (even | 0x8000)) wrong.push(bits);
  }
  t.same(wrong, []);
});

t.test('what is too large is infinite', async (t) => {
  t.strictSame(
    [65504, 65519, 65520, 1e9, -1e9].map(half),
    [0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00],
  );
});
