import type { FloatTensor } from './float-tensor.js';
import type { GraphDraft } from './graph-draft.js';
import type { Attributes, DataType, Dimension, ModelProto } from './proto.js';

/** A tensor that flows through a graph. Its element type is part of its TypeScript type. */
export interface Value<T extends DataType = 'float'> {
  readonly name: string;
  readonly type: T;
}

/**
 * A graph seen from one of its named parts. Nodes that are added here bear the path of the scope, and
 * `parameter` looks weights up by that same path.
 */
export class GraphScope {
  protected readonly draft: GraphDraft;
  /** Names of the enclosing scopes, joined by dots; empty for the whole graph. */
  protected readonly path: string;

  protected constructor(draft: GraphDraft, path: string) {
    this.draft = draft;
    this.path = path;
  }

  /** The finished model, for `writeModel`. */
  toModel(): ModelProto {
    return this.draft.toModel();
  }

  /** An input of the graph, of floats unless `type` says otherwise. */
  input(name: string, shape: readonly Dimension[]): Value;
  input<T extends DataType>(name: string, shape: readonly Dimension[], type: T): Value<T>;
  input(name: string, shape: readonly Dimension[], type: DataType = 'float'): Value<DataType> {
    this.draft.addInput({ name, type, shape });
    return { name, type };
  }

  /** Makes a value an output of the graph, under a name of its own. */
  output(name: string, value: Value<DataType>, shape: readonly Dimension[]): void {
    const inputs = [value.name];
    const outputs = [name];
    this.draft.addNode({ name, op: 'Identity', domain: '', inputs, outputs, attributes: {} });
    this.draft.addOutput({ name, type: value.type, shape });
  }

  /** The weight `name` of this scope. @throws Error when there is none. */
  parameter(name: string): Value {
    const full = this.inside(name);
    this.draft.addParameter(full);
    return { name: full, type: 'float' };
  }

  /** The shape of the weight `name` of this scope. @throws Error when there is none. */
  parameterShape(name: string): readonly number[] {
    return this.draft.parameterShape(this.inside(name));
  }

  /** A tensor that was computed while building, kept under this scope's path. */
  tensor(name: string, { shape, data }: FloatTensor): Value {
    const full = this.inside(name);
    this.draft.addInitializer(full, 'float', shape, data);
    return { name: full, type: 'float' };
  }

  /** A scalar. */
  constant(value: number): Value {
    const name = `float ${value}`;
    this.draft.addInitializer(name, 'float', [], Float32Array.of(value));
    return { name, type: 'float' };
  }

  /** A vector of integers: a shape, axes, or positions. */
  ints(values: readonly number[]): Value<'int64'> {
    const name = `int64 [${values}]`;
    this.draft.addInitializer(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
    return { name, type: 'int64' };
  }

  /** A tensor that was computed while building and that all scopes share by its name. */
  sharedTensor(name: string, { shape, data }: FloatTensor): Value {
    this.draft.addInitializer(name, 'float', shape, data);
    return { name, type: 'float' };
  }

  /** A matrix of integers, for `gather`; all scopes share it by its name. */
  sharedInts(name: string, rows: readonly (readonly number[])[]): Value<'int64'> {
    const shape = [rows.length, rows[0]?.length ?? 0];
    this.draft.addInitializer(name, 'int64', shape, BigInt64Array.from(rows.flat(), BigInt));
    return { name, type: 'int64' };
  }

  protected inside(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }

  /** Adds an operator with one output, of floats unless `type` says otherwise. */
  protected node(op: string, inputs: readonly Value<DataType>[], attributes?: Attributes): Value;
  protected node<T extends DataType>(
    op: string,
    inputs: readonly Value<DataType>[],
    attributes: Attributes,
    type: T,
    domain?: string,
  ): Value<T>;
  protected node(
    op: string,
    inputs: readonly Value<DataType>[],
    attributes: Attributes = {},
    type: DataType = 'float',
    domain = '',
  ): Value<DataType> {
    const name = this.draft.uniqueName(this.inside(op));
    const names = inputs.map((input) => input.name);
    this.draft.addNode({ name, op, domain, inputs: names, outputs: [name], attributes });
    return { name, type };
  }

  /** Adds an operator with several outputs, all floats. */
  protected nodes(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    count: number,
  ): Value[] {
    const name = this.draft.uniqueName(this.inside(op));
    const outputs = Array.from({ length: count }, (_, i) => `${name}.${i}`);
    const names = inputs.map((input) => input.name);
    this.draft.addNode({ name, op, domain: '', inputs: names, outputs, attributes });
    return outputs.map((output) => ({ name: output, type: 'float' }));
  }
}
