import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { elements } from './float-tensor.js';
import {
  ATTRIBUTE_CODES,
  type AttributeValue,
  DATA_TYPES,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfo,
} from './proto.js';

/** `TensorProto.DataLocation`. */
const EXTERNAL = 1;

/** What a file is put together from: bytes as they are, and the elements of tensors. */
type Piece = Uint8Array | TensorProto;

/**
 * Writes a model as an ONNX file that holds all its tensors but those whose data is external. Elements are copied once,
 * to their place in the file.
 */
export function writeModel({ irVersion, producer, graph, opsets }: ModelProto): Uint8Array {
  const inside = graphPieces(graph);
  const before = written((writer) => {
    int(writer, 1, irVersion);
    text(writer, 2, producer);
    writer.tag(7, WireType.LengthDelimited).uint32(lengthOf(inside));
  });
  // Last on purpose: a file cut short anywhere is then refused for lack of its operator set at the latest.
  const after = written((writer) => {
    for (const { domain, version } of opsets) {
      message(writer, 8, () => {
        text(writer, 1, domain);
        int(writer, 2, version);
      });
    }
  });
  return joined([before, ...inside, after]);
}

function graphPieces({ name, nodes, initializers, inputs, outputs }: GraphProto): Piece[] {
  const before = written((writer) => {
    for (const value of nodes) message(writer, 1, () => node(writer, value));
    text(writer, 2, name);
  });
  const after = written((writer) => {
    for (const value of inputs) message(writer, 11, () => valueInfo(writer, value));
    for (const value of outputs) message(writer, 12, () => valueInfo(writer, value));
  });
  return [before, ...initializers.flatMap(initializerPieces), after];
}

/** An initializer of the graph. Its elements are the last field, so that they come as they are. */
function initializerPieces(value: TensorProto): Piece[] {
  if (value.external) {
    return [written((writer) => message(writer, 5, () => tensor(writer, value)))];
  }
  const inside = written((writer) => {
    description(writer, value);
    writer.tag(9, WireType.LengthDelimited).uint32(lengthOf([value]));
  });
  const before = written((writer) => {
    writer.tag(5, WireType.LengthDelimited).uint32(lengthOf([inside, value]));
  });
  return [before, inside, value];
}

function written(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + bytesIn(piece), 0);
}

/** Of a tensor by its shape: its data may be read from a file whenever it is asked for. */
function bytesIn(piece: Piece): number {
  return 'shape' in piece ? elements(piece.shape) * DATA_TYPES[piece.type].bytes : piece.length;
}

function joined(pieces: readonly Piece[]): Uint8Array {
  const file = new Uint8Array(lengthOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    file.set('shape' in piece ? piece.data : piece, at);
    at += bytesIn(piece);
  }
  return file;
}

function node(writer: BinaryWriter, node: NodeProto): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const name of node.outputs) text(writer, 2, name);
  text(writer, 3, node.name);
  text(writer, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => attribute(writer, name, value));
  }
  if (node.domain) text(writer, 7, node.domain);
}

function attribute(writer: BinaryWriter, name: string, attribute: AttributeValue): void {
  text(writer, 1, name);
  switch (attribute.kind) {
    case 'float':
      writer.tag(2, WireType.Bit32).float(attribute.value);
      break;
    case 'int':
      int(writer, 3, attribute.value);
      break;
    case 'string':
      text(writer, 4, attribute.value);
      break;
    case 'tensor':
      message(writer, 5, () => tensor(writer, attribute.value));
      break;
    case 'floats':
      for (const value of attribute.value) writer.tag(7, WireType.Bit32).float(value);
      break;
    case 'ints':
      for (const value of attribute.value) int(writer, 8, value);
      break;
  }
  int(writer, 20, ATTRIBUTE_CODES[attribute.kind]);
}

function description(writer: BinaryWriter, { name, type, shape }: TensorProto): void {
  for (const length of shape) int(writer, 1, length);
  int(writer, 2, DATA_TYPES[type].code);
  if (name) text(writer, 8, name);
}

function tensor(writer: BinaryWriter, value: TensorProto): void {
  description(writer, value);
  const { data, external } = value;
  if (!external) {
    writer.tag(9, WireType.LengthDelimited).bytes(data);
    return;
  }
  for (const [key, value] of Object.entries(external)) {
    message(writer, 13, () => {
      text(writer, 1, key);
      text(writer, 2, String(value));
    });
  }
  int(writer, 14, EXTERNAL);
}

function valueInfo(writer: BinaryWriter, { name, type, shape }: ValueInfo): void {
  const dimensions = () => {
    for (const length of shape) {
      message(writer, 1, () =>
        typeof length === 'number' ? int(writer, 1, length) : text(writer, 2, length),
      );
    }
  };
  const tensorType = () => {
    int(writer, 1, DATA_TYPES[type].code);
    message(writer, 2, dimensions);
  };
  text(writer, 1, name);
  message(writer, 2, () => message(writer, 1, tensorType));
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function int(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}
