import type { AttributeValue } from './proto.js';

export function int(value: number): AttributeValue {
  return { kind: 'int', value };
}

export function ints(value: readonly number[]): AttributeValue {
  return { kind: 'ints', value };
}

export function float(value: number): AttributeValue {
  return { kind: 'float', value };
}

export function text(value: string): AttributeValue {
  return { kind: 'string', value };
}
