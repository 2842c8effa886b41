/**
 * The part of ONNX's protobuf messages (onnx.proto) that inference graphs are made of. Field names
 * are shortened where the message already says the rest.
 */

/** `TensorProto.DataType`: the number in the file and the bytes of one element. */
export const DATA_TYPES = {
  float: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  double: { code: 11, bytes: 8 },
  bfloat16: { code: 16, bytes: 2 },
} as const;

export type DataType = keyof typeof DATA_TYPES;

/** Where the bytes of a tensor are that is not part of the model file. */
export interface ExternalData {
  /** A file's name in the folder that the session is opened with. */
  readonly location: string;
  /** In bytes, from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface TensorProto {
  /** Empty for the tensor of an attribute. */
  readonly name: string;
  readonly type: DataType;
  /** `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Little-endian elements, as long as the shape asks; a view into the file for a tensor that was read. */
  readonly data: Uint8Array;
  /** For a tensor whose elements are elsewhere; `data` is empty then. */
  readonly external?: ExternalData;
}

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: TensorProto }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] };

/** `AttributeProto.AttributeType`. */
export const ATTRIBUTE_CODES = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  floats: 6,
  ints: 7,
} as const satisfies Record<AttributeValue['kind'], number>;

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface NodeProto {
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** Names of values; an empty name means an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A length, or the name of one that is known only when the graph runs. */
export type Dimension = number | string;

export interface ValueInfo {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly Dimension[];
}

export interface GraphProto {
  readonly name: string;
  /** In an order in which they can run. */
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface Opset {
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly version: number;
}

export interface ModelProto {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: readonly Opset[];
  readonly graph: GraphProto;
}
