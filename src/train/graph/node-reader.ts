import type { Value } from '../../onnx/graph-scope.js';
import type { Attributes, NodeProto } from '../../onnx/proto.js';

/** The whole numbers of a node's attribute; none where it is absent. */
export function ints(attributes: Attributes, name: string): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : [];
}

/** A node's input as a value of floats. @throws Error when the node has fewer. */
export function input({ inputs, name }: NodeProto, at: number): Value {
  const found = inputs[at];
  if (found === undefined) throw new Error(`"${name}" has no input ${at}`);
  return { name: found, type: 'float' };
}

/** A node's first output as a value of floats. */
export function output({ outputs }: NodeProto): Value {
  return { name: outputs[0] as string, type: 'float' };
}
