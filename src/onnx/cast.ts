import { int } from './attributes.js';
import { DATA_TYPES, type DataType, type NodeProto } from './proto.js';

/** A node that converts the value `from` to another type, as the value `to`. */
export function castNode(name: string, from: string, to: string, type: DataType): NodeProto {
  const attributes = { to: int(DATA_TYPES[type].code) };
  return { name, op: 'Cast', domain: '', inputs: [from], outputs: [to], attributes };
}
