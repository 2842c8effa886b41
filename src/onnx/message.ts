import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** How one field of a message is read: the wire types it may have, and what to do with it. */
export interface Field {
  readonly wire: readonly WireType[];
  readonly read: (reader: BinaryReader, wire: WireType) => void;
}

/**
 * Walks over the fields of one protobuf message; fields without an entry are skipped.
 * @param name of the message, for errors.
 * @throws Error naming the message when it is cut off or not protobuf.
 */
export function readMessage(
  name: string,
  bytes: Uint8Array,
  fields: Readonly<Record<number, Field>>,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (!field) {
      reader.skip(wire, number);
    } else if (field.wire.includes(wire)) {
      field.read(reader, wire);
    } else {
      throw new Error(`field ${number} of ${name} has wire type ${wire}`);
    }
  }
}

/** A field of UTF-8 text. */
export function text(take: (value: string) => void): Field {
  return { wire: [WireType.LengthDelimited], read: (reader) => take(reader.string()) };
}

/** A field of bytes or of an embedded message, handed over as a view. */
export function bytes(take: (value: Uint8Array) => void): Field {
  return { wire: [WireType.LengthDelimited], read: (reader) => take(reader.bytes()) };
}

/** A field of one 32-bit float. */
export function float(take: (value: number) => void): Field {
  return { wire: [WireType.Bit32], read: (reader) => take(reader.float()) };
}

/** A field of one integer; protobuf's int32, int64 and enum look the same on the wire. */
export function int(take: (value: number) => void): Field {
  return { wire: [WireType.Varint], read: (reader) => take(safeInt(reader)) };
}

/** A repeated field of integers, packed or not: `take` is called once an element. */
export function ints(take: (value: number) => void): Field {
  return repeated(WireType.Varint, (reader) => take(safeInt(reader)));
}

/** As `ints`, for elements that need all 64 bits. */
export function bigInts(take: (value: bigint) => void): Field {
  return repeated(WireType.Varint, (reader) => take(BigInt(reader.int64())));
}

/** A repeated field of 32-bit floats, packed or not: `take` is called once an element. */
export function floats(take: (value: number) => void): Field {
  return repeated(WireType.Bit32, (reader) => take(reader.float()));
}

function repeated(element: WireType, read: (reader: BinaryReader) => void): Field {
  return {
    wire: [element, WireType.LengthDelimited],
    read: (reader, wire) => {
      if (wire === element) return read(reader);
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) read(packed);
    },
  };
}

function safeInt(reader: BinaryReader): number {
  const value = Number(reader.int64());
  if (!Number.isSafeInteger(value)) throw new Error(`integer ${value} is beyond 53 bits`);
  return value;
}
