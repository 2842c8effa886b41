import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
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

/** Writes a model as an ONNX file that holds all its tensors but those whose data is external. */
export function writeModel(model: ModelProto): Uint8Array {
  const writer = new BinaryWriter();
  int(writer, 1, model.irVersion);
  text(writer, 2, model.producer);
  message(writer, 7, () => graph(writer, model.graph));
  // Last on purpose: a file cut short anywhere is then refused for lack of its operator set at the latest.
  for (const { domain, version } of model.opsets) {
    message(writer, 8, () => {
      text(writer, 1, domain);
      int(writer, 2, version);
    });
  }
  return writer.finish();
}

function graph(writer: BinaryWriter, graph: GraphProto): void {
  for (const value of graph.nodes) message(writer, 1, () => node(writer, value));
  text(writer, 2, graph.name);
  for (const value of graph.initializers) message(writer, 5, () => tensor(writer, value));
  for (const value of graph.inputs) message(writer, 11, () => valueInfo(writer, value));
  for (const value of graph.outputs) message(writer, 12, () => valueInfo(writer, value));
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

function tensor(writer: BinaryWriter, { name, type, shape, data, external }: TensorProto): void {
  for (const length of shape) int(writer, 1, length);
  int(writer, 2, DATA_TYPES[type].code);
  if (name) text(writer, 8, name);
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
