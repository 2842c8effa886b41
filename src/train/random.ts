/** Numbers in 0..1, exclusive, the same every time. */
export type Random = () => number;

/**
 * Draws that depend on nothing but what they are for: what is drawn in one step is the same whether those before it ran
 * in this process or in another (mulberry32, seeded by FNV-1a).
 */
export function randomFor(...purpose: readonly (number | string)[]): Random {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(purpose.join(' '))) {
    state = Math.imul(state ^ byte, 0x01000193);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A draw from the normal distribution (Box and Muller, 1958). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The items in an order of chance (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}
