/** A class or function that a pickle names. */
export interface Global {
  readonly name: string;
  /** What the pickle gets when it calls it. */
  call(args: readonly PickleValue[]): PickleValue;
}

/**
 * What a pickle can hold here: Python's None, bool, int, float and str, lists and tuples as arrays, dicts as
 * maps, and the objects that its globals make.
 */
export type PickleValue = unknown;

/** The requests that a pickle may make. Each method throws to refuse one. */
export interface PickleHost {
  /** @param name `module.name` */
  global(name: string): Global;
  persistent(id: PickleValue): PickleValue;
}

type Stack = PickleValue[];

/** ViT-H's pickle has 20,000, with an optimizer's state some 100,000. Each makes one value at most. */
const MOST_INSTRUCTIONS = 2 ** 20;

/**
 * Reads a pickle of protocols 2 to 5, as Python's `pickletools` describes them, without running any code. It accepts
 * the instructions that make plain data, and calls of the few globals that `host` grants.
 * Only text is ever turned into text: lists that hold one list twice, thirty deep, would print as gigabytes.
 * @throws Error naming the instruction or the global that is refused, or saying that the pickle is cut short or
 * has too many instructions.
 */
export function readPickle(bytes: Uint8Array, host: PickleHost): PickleValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, PickleValue>();
  /** Each mark begins a stack of its own. */
  const outer: Stack[] = [];
  let stack: Stack = [];
  let at = 0;

  const take = (length: number): number => {
    at += length;
    if (at > bytes.length) throw new Error('the pickle is cut short');
    return at - length;
  };
  const uint8 = () => view.getUint8(take(1));
  const uint32 = () => view.getUint32(take(4), true);
  const uint64 = () => Number(view.getBigUint64(take(8), true));
  const text = (length: number) => new TextDecoder().decode(bytes.subarray(take(length), at));
  const line = () => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) throw new Error('the pickle is cut short');
    const result = text(end - at);
    take(1);
    return result;
  };
  // The stack is looked up after the value: what a mark gathered goes onto the one below.
  const push = (value: PickleValue) => stack.push(value);
  const pop = () => {
    if (stack.length === 0) throw new Error('the pickle takes what it has not put');
    return stack.pop();
  };
  const popAll = () => {
    const marked = stack;
    const below = outer.pop();
    if (!below) throw new Error('the pickle goes back to a mark that it has not set');
    stack = below;
    return marked;
  };
  const top = <T>(type: abstract new (...args: never[]) => T): T => {
    const value = stack.at(-1);
    if (!(value instanceof type)) throw new Error(`the pickle has no ${type.name} to add to`);
    return value;
  };
  const put = (target: Map<unknown, unknown>, items: readonly PickleValue[]) => {
    for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const recall = (index: number) => {
    if (!memo.has(index)) throw new Error('the pickle remembers what it has not kept');
    push(memo.get(index));
  };
  const keep = (index: number) => memo.set(index, stack.at(-1));

  const instructions: Record<string, () => void> = {
    '\x80': () => take(1), // PROTO
    '\x95': () => take(8), // FRAME
    N: () => push(null),
    '\x88': () => push(true),
    '\x89': () => push(false),
    K: () => push(uint8()),
    M: () => push(view.getUint16(take(2), true)),
    J: () => push(view.getInt32(take(4), true)),
    '\x8a': () => push(long(bytes.subarray(take(uint8()), at))),
    G: () => push(view.getFloat64(take(8), false)),
    X: () => push(text(uint32())),
    '\x8c': () => push(text(uint8())),
    '\x8d': () => push(text(uint64())),
    '(': () => {
      outer.push(stack);
      stack = [];
    },
    0: pop,
    1: popAll,
    ')': () => push([]),
    ']': () => push([]),
    '}': () => push(new Map()),
    t: () => push(popAll()),
    l: () => push(popAll()),
    '\x85': () => push([pop()]),
    '\x86': () => push([pop(), pop()].reverse()),
    '\x87': () => push([pop(), pop(), pop()].reverse()),
    a: () => {
      const item = pop();
      top(Array).push(item);
    },
    e: () => {
      const items = popAll();
      const list = top(Array);
      for (const item of items) list.push(item);
    },
    s: () => {
      const [value, key] = [pop(), pop()];
      put(top(Map), [key, value]);
    },
    u: () => {
      const items = popAll();
      put(top(Map), items);
    },
    q: () => keep(uint8()),
    r: () => keep(uint32()),
    '\x94': () => keep(memo.size), // MEMOIZE
    h: () => recall(uint8()),
    j: () => recall(uint32()),
    c: () => push(host.global(`${line()}.${line()}`)),
    '\x93': () => {
      const [name, module] = [pop(), pop()];
      if (typeof name !== 'string' || typeof module !== 'string') {
        throw new Error('the pickle names a global that has no name');
      }
      push(host.global(`${module}.${name}`));
    },
    Q: () => push(host.persistent(pop())),
    R: () => {
      const [args, callee] = [pop(), pop()];
      if (!Array.isArray(args) || !isGlobal(callee))
        throw new Error('the pickle calls no function');
      push(callee.call(args));
    },
    // The state of an OrderedDict holds PyTorch's notes on versions of modules: no tensor.
    b: () => {
      pop();
      top(Map);
    },
  };

  for (let count = 0; ; count++) {
    if (count === MOST_INSTRUCTIONS) {
      throw new Error(
        `the pickle has more than ${MOST_INSTRUCTIONS} instructions: save the state dict alone`,
      );
    }
    const code = String.fromCharCode(uint8());
    if (code === '.') return pop();
    const instruction = instructions[code];
    if (!instruction) {
      const hex = code.charCodeAt(0).toString(16).padStart(2, '0');
      throw new Error(`the pickle has the instruction 0x${hex}, which is refused`);
    }
    instruction();
  }
}

/** Python's integers of any length, little-endian two's complement. */
function long(bytes: Uint8Array): number {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * i);
  return Number(BigInt.asIntN(8 * bytes.length, value));
}

function isGlobal(value: PickleValue): value is Global {
  return typeof value === 'object' && value !== null && 'call' in value;
}
