import { bigInts, bytes, float, floats, int, ints, readMessage, text } from './message.js';
import {
  ATTRIBUTE_CODES,
  type AttributeValue,
  DATA_TYPES,
  type DataType,
  type Dimension,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type Opset,
  type TensorProto,
  type ValueInfo,
} from './proto.js';

/**
 * Reads an ONNX file. Tensors stay views into `file`, so it must not change while the model is in use.
 * @throws Error when the file is cut off, is not ONNX, or uses a part of ONNX this reader does not know.
 */
export function readModel(file: Uint8Array): ModelProto {
  try {
    return model(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`not a readable ONNX model of ${file.length} bytes: ${reason}`, { cause });
  }
}

function model(message: Uint8Array): ModelProto {
  let irVersion = 0;
  let producer = '';
  let graphBytes: Uint8Array | undefined;
  const opsets: Opset[] = [];
  readMessage('ModelProto', message, {
    1: int((value) => (irVersion = value)),
    2: text((value) => (producer = value)),
    7: bytes((value) => (graphBytes = value)),
    8: bytes((value) => opsets.push(opset(value))),
  });
  if (!graphBytes) throw new Error('it has no graph');
  if (opsets.length === 0) throw new Error('it names no operator set');
  return { irVersion, producer, opsets, graph: graph(graphBytes) };
}

function opset(message: Uint8Array): Opset {
  let domain = '';
  let version = 0;
  readMessage('OperatorSetIdProto', message, {
    1: text((value) => (domain = value)),
    2: int((value) => (version = value)),
  });
  return { domain, version };
}

function graph(message: Uint8Array): GraphProto {
  let name = '';
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  readMessage('GraphProto', message, {
    1: bytes((value) => nodes.push(node(value))),
    2: text((value) => (name = value)),
    5: bytes((value) => initializers.push(tensor(value))),
    11: bytes((value) => inputs.push(valueInfo(value))),
    12: bytes((value) => outputs.push(valueInfo(value))),
  });
  return { name, nodes, initializers, inputs, outputs };
}

function node(message: Uint8Array): NodeProto {
  let [name, op, domain] = ['', '', ''];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Record<string, AttributeValue> = {};
  readMessage('NodeProto', message, {
    1: text((value) => inputs.push(value)),
    2: text((value) => outputs.push(value)),
    3: text((value) => (name = value)),
    4: text((value) => (op = value)),
    5: bytes((value) => {
      const [key, attributeValue] = attribute(value);
      attributes[key] = attributeValue;
    }),
    7: text((value) => (domain = value)),
  });
  return { name, op, domain, inputs, outputs, attributes };
}

function attribute(message: Uint8Array): [name: string, value: AttributeValue] {
  let name = '';
  let code = 0;
  let [floatValue, intValue, stringValue] = [0, 0, ''];
  let tensorBytes: Uint8Array | undefined;
  const floatValues: number[] = [];
  const intValues: number[] = [];
  readMessage('AttributeProto', message, {
    1: text((value) => (name = value)),
    2: float((value) => (floatValue = value)),
    3: int((value) => (intValue = value)),
    4: text((value) => (stringValue = value)),
    5: bytes((value) => (tensorBytes = value)),
    7: floats((value) => floatValues.push(value)),
    8: ints((value) => intValues.push(value)),
    20: int((value) => (code = value)),
  });
  switch (code) {
    case ATTRIBUTE_CODES.float:
      return [name, { kind: 'float', value: floatValue }];
    case ATTRIBUTE_CODES.int:
      return [name, { kind: 'int', value: intValue }];
    case ATTRIBUTE_CODES.string:
      return [name, { kind: 'string', value: stringValue }];
    case ATTRIBUTE_CODES.tensor:
      if (!tensorBytes) throw new Error(`attribute "${name}" lacks its tensor`);
      return [name, { kind: 'tensor', value: tensor(tensorBytes) }];
    case ATTRIBUTE_CODES.floats:
      return [name, { kind: 'floats', value: floatValues }];
    case ATTRIBUTE_CODES.ints:
      return [name, { kind: 'ints', value: intValues }];
    default:
      throw new Error(`attribute "${name}" has the unsupported type ${code}`);
  }
}

function tensor(message: Uint8Array): TensorProto {
  let name = '';
  let code = 0;
  let raw: Uint8Array | undefined;
  const shape: number[] = [];
  const floatValues: number[] = [];
  const intValues: bigint[] = [];
  readMessage('TensorProto', message, {
    1: ints((value) => shape.push(value)),
    2: int((value) => (code = value)),
    4: floats((value) => floatValues.push(value)),
    7: bigInts((value) => intValues.push(value)),
    8: text((value) => (name = value)),
    9: bytes((value) => (raw = value)),
  });
  const type = dataType(code, `tensor "${name}"`);
  const typed = type === 'float' ? new Float32Array(floatValues) : new BigInt64Array(intValues);
  const data = raw ?? new Uint8Array(typed.buffer);
  const expected = shape.reduce((product, length) => product * length, DATA_TYPES[type].bytes);
  if (data.length !== expected) {
    throw new Error(
      `tensor "${name}" holds ${data.length} bytes, ${type} [${shape}] needs ${expected}`,
    );
  }
  return { name, type, shape, data };
}

function valueInfo(message: Uint8Array): ValueInfo {
  let name = '';
  let code = 0;
  const shape: Dimension[] = [];
  const dimension = (value: Uint8Array) => {
    let length: Dimension = '';
    readMessage('Dimension', value, {
      1: int((known) => (length = known)),
      2: text((symbol) => (length = symbol)),
    });
    shape.push(length);
  };
  const tensorType = (value: Uint8Array) =>
    readMessage('TypeProto.Tensor', value, {
      1: int((element) => (code = element)),
      2: bytes((dimensions) =>
        readMessage('TensorShapeProto', dimensions, { 1: bytes(dimension) }),
      ),
    });
  readMessage('ValueInfoProto', message, {
    1: text((value) => (name = value)),
    2: bytes((value) => readMessage('TypeProto', value, { 1: bytes(tensorType) })),
  });
  return { name, type: dataType(code, `value "${name}"`), shape };
}

function dataType(code: number, owner: string): DataType {
  for (const [type, known] of Object.entries(DATA_TYPES)) {
    if (known.code === code) return type as DataType;
  }
  throw new Error(`${owner} has the unsupported element type ${code}`);
}
