import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import t from 'tap';
import { floatsOf } from '#src/onnx/float-tensor.js';
import type { TensorProto } from '#src/onnx/proto.js';
import { readModel } from '#src/onnx/read-model.js';
import { writeModel } from '#src/onnx/write-model.js';

type Write = (writer: BinaryWriter) => void;

/** A message's field whose content `write` writes. */
function message(field: number, write: Write): Write {
  return (writer) => {
    writer.tag(field, WireType.LengthDelimited).fork();
    write(writer);
    writer.join();
  };
}

function all(...writes: readonly Write[]): Write {
  return (writer) => {
    for (const write of writes) write(writer);
  };
}

function int(field: number, value: number | string): Write {
  return (writer) => writer.tag(field, WireType.Varint).int64(value);
}

function text(field: number, value: string): Write {
  return (writer) => writer.tag(field, WireType.LengthDelimited).string(value);
}

const OPSET = message(8, int(2, 20));

/** A file with a graph and one operator set. */
function fileOf(graph: Write, ...more: readonly Write[]): Uint8Array {
  const writer = new BinaryWriter();
  all(message(7, graph), OPSET, ...more)(writer);
  return writer.finish();
}

function bytesOf(write: Write): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** The one tensor of a file whose TensorProto is `write`. */
function tensor(...write: readonly Write[]): TensorProto {
  const [read] = readModel(fileOf(message(5, all(...write)))).graph.initializers;
  if (!read) throw new Error('no tensor');
  return read;
}

const [FLOAT, INT64] = [int(2, 1), int(2, 7)];

t.test('floats in a field of their own, packed or one by one', async (t) => {
  const packed = message(4, (writer) => writer.float(1.5).float(-2));
  const single: Write = (writer) =>
    writer.tag(4, WireType.Bit32).float(1.5).tag(4, WireType.Bit32).float(-2);
  for (const values of [packed, single]) {
    t.strictSame([...floatsOf(tensor(int(1, 2), FLOAT, values)).data], [1.5, -2]);
  }
});

t.test('integers in a field of their own, with all their 64 bits', async (t) => {
  const values = [2n ** 62n + 1n, -1n];
  const packed = message(7, (writer) => {
    for (const value of values) writer.int64(String(value));
  });
  const single = all(...values.map((value) => int(7, String(value))));
  for (const write of [packed, single]) {
    const { data } = tensor(int(1, 2), INT64, write);
    t.strictSame([...new BigInt64Array(new Uint8Array(data).buffer)], values);
  }
});

t.test('a shape may be packed', async (t) => {
  const shape = message(1, (writer) => writer.int64(2).int64(3));
  const { shape: read } = tensor(shape, FLOAT, (writer) =>
    writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(24)),
  );
  t.strictSame(read, [2, 3]);
});

t.test('fields that nobody here needs are skipped', async (t) => {
  const documented = all(text(2, 'g'), text(10, 'a graph with a description'));
  const file = fileOf(documented, text(6, 'a model with one'), int(5, 3));
  t.equal(readModel(file).graph.name, 'g');
});

t.test('what is no ONNX, or too new, is refused with the reason', async (t) => {
  const graphWith = (...write: readonly Write[]) => fileOf(all(...write));
  const node = (attribute: Write) => message(1, message(5, attribute));
  const refused: readonly (readonly [file: Uint8Array, reason: RegExp])[] = [
    [new Uint8Array(), /it has no graph/],
    [bytesOf(OPSET), /it has no graph/],
    [bytesOf(message(7, text(2, 'g'))), /it names no operator set/],
    [Buffer.from('<html>no model</html>'), /not a readable ONNX model of 21 bytes/],
    [graphWith(int(2, 1)), /field 2 of GraphProto has wire type 0/],
    [graphWith(node(all(text(1, 'a'), int(20, 5)))), /"a" has the unsupported type 5/],
    [graphWith(node(all(text(1, 'a'), int(20, 4)))), /"a" lacks its tensor/],
    [graphWith(node(int(3, String(2n ** 60n)))), /beyond 53 bits/],
    [graphWith(message(5, all(int(2, 8), text(8, 's')))), /tensor "s" has .* element type 8/],
    [graphWith(message(11, text(1, 'v'))), /value "v" has .* element type 0/],
    [
      graphWith(message(5, all(int(1, 2), FLOAT, text(8, 'w')))),
      /tensor "w" holds 0 bytes, float \[2\] needs 8/,
    ],
  ];
  for (const [file, message] of refused) t.throws(() => readModel(file), { message });
});

t.test('a tensor whose data is in another file is refused: nobody would read it', async (t) => {
  const external = { location: 'weights.bin', offset: 64, length: 8 };
  const file = writeModel({
    irVersion: 9,
    producer: '',
    opsets: [{ domain: '', version: 20 }],
    graph: {
      name: '',
      nodes: [],
      initializers: [{ name: 'w', type: 'float', shape: [2], data: new Uint8Array(), external }],
      inputs: [],
      outputs: [],
    },
  });
  t.throws(() => readModel(file), { message: /tensor "w" holds 0 bytes/ });
});
