import { castNode } from './cast.js';
import { type ExternalTensor, elements, type FloatTensor } from './float-tensor.js';
import type { DataType, ModelProto, NodeProto, TensorProto, ValueInfo } from './proto.js';

/** IR version 9 came with operator set 20, the first with Gelu. */
const IR_VERSION = 9;
const OPSET_VERSION = 20;

/** onnxruntime's own operators, by their domain. */
export const MICROSOFT = 'com.microsoft';

const NO_DATA = new Uint8Array();

/** Weights by name, in memory or in files. */
export type Parameters = ReadonlyMap<string, FloatTensor | ExternalTensor>;

/** Everything that was added to a graph so far, whatever the scope it was added from. */
export class GraphDraft {
  readonly #name: string;
  readonly #parameters: Parameters;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  /** Names of the weights that are in files. */
  readonly #external = new Set<string>();
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  /** How many nodes have asked for a name. */
  readonly #names = new Map<string, number>();

  constructor(name: string, parameters: Parameters) {
    this.#name = name;
    this.#parameters = parameters;
  }

  addNode(node: NodeProto): void {
    this.#nodes.push(node);
  }

  addInput(input: ValueInfo): void {
    this.#inputs.push(input);
  }

  addOutput(output: ValueInfo): void {
    this.#outputs.push(output);
  }

  /** Adds a tensor; the same name again is the same tensor, so constants are stored once. */
  addInitializer(
    name: string,
    type: DataType,
    shape: readonly number[],
    data: ArrayBufferView,
  ): void {
    if (this.#initializers.has(name)) return;
    // Every platform Node runs on in practice is little-endian, as ONNX is.
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.set(name, { name, type, shape, data: bytes });
  }

  /** @throws Error when the graph was given no weight of that name. */
  addParameter(name: string): void {
    const parameter = this.#parameters.get(name);
    if (!parameter) throw new Error(`graph "${this.#name}" has no parameter "${name}"`);
    if ('external' in parameter) {
      this.#addExternal(name, parameter);
      return;
    }
    if (elements(parameter.shape) !== parameter.data.length) {
      throw new Error(`parameter "${name}" does not fill its shape [${parameter.shape}]`);
    }
    this.addInitializer(name, 'float', parameter.shape, parameter.data);
  }

  /** @throws Error when the graph was given no weight of that name. */
  parameterShape(name: string): readonly number[] {
    const parameter = this.#parameters.get(name);
    if (!parameter) throw new Error(`graph "${this.#name}" has no parameter "${name}"`);
    return parameter.shape;
  }

  /** A weight stored as another type than float is converted by the graph, which the runtime does once, at load. */
  #addExternal(name: string, { type, shape, external }: ExternalTensor): void {
    if (this.#external.has(name)) return;
    this.#external.add(name);
    const stored = type === 'float' ? name : `${name} as ${type}`;
    this.#initializers.set(stored, { name: stored, type, shape, data: NO_DATA, external });
    if (stored === name) return;
    this.addNode(castNode(`${name} to float`, stored, name, 'float'));
  }

  /** `name` the first time, then `name_1`, `name_2`... */
  uniqueName(name: string): string {
    const count = this.#names.get(name) ?? 0;
    this.#names.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }

  toModel(): ModelProto {
    return {
      irVersion: IR_VERSION,
      producer: 'sam-split',
      opsets: [
        { domain: '', version: OPSET_VERSION },
        { domain: MICROSOFT, version: 1 },
      ],
      graph: {
        name: this.#name,
        nodes: this.#nodes,
        initializers: [...this.#initializers.values()],
        inputs: this.#inputs,
        outputs: this.#outputs,
      },
    };
  }
}
