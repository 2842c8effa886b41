import { int, ints } from '../attributes.js';
import { castNode } from '../cast.js';
import type { FloatTensor } from '../float-tensor.js';
import type { Attributes, DataType, NodeProto, TensorProto } from '../proto.js';

/**
 * Weights are whole numbers up to this. One bit is left unused, because processors without VNNI add two products of
 * an activation and a weight in 16 bits: 255 * 64 * 2 still fits.
 */
const WEIGHT_LIMIT = 64;

const CHANNELS_LAST = [0, 2, 3, 1];
const CHANNELS_FIRST = [0, 3, 1, 2];
/** Where a slice ends that goes to the end. */
const END = 2 ** 31 - 1;

/** y = x W + bias, for the last axis of x, or for axis 1 of a convolution's. */
export interface Product {
  readonly x: string;
  readonly y: string;
  readonly bias: string | undefined;
  readonly weightName: string;
  /** [in,out], or [out,in] or [out,in,side,side] where `isOutByIn`. */
  readonly weight: FloatTensor;
  readonly isOutByIn: boolean;
  /** Of a convolution. */
  readonly kernel?: { readonly side: number; readonly padding: number };
}

/** A tensor in 8 bits: the names of its whole numbers, their scale, and the number that stands for zero. */
type Quantized = readonly [whole: string, scale: string, zero: string];

/** Collects the nodes of a graph, products as whole numbers. */
export class QuantizedProducts {
  readonly nodes: NodeProto[] = [];
  readonly #tensors = new Map<string, TensorProto>();
  /** Activations that are there in 8 bits, so that products of one tensor share its conversion. */
  readonly #activations = new Map<string, Quantized>();

  get tensors(): TensorProto[] {
    return [...this.#tensors.values()];
  }

  keep(node: NodeProto): void {
    this.nodes.push(node);
  }

  /** y = (x_whole - x_zero) W_whole * (x_scale * W_scale) + bias */
  add({ x, y, bias, weightName, weight, isOutByIn, kernel }: Product): void {
    const [weightWhole, weightScale] = [`${weightName} whole`, `${weightName} scale`];
    const { shape, whole, scales } = quantizeWeight(weight, isOutByIn);
    this.#tensor(weightWhole, 'int8', shape, whole);
    this.#tensor(weightScale, 'float', [scales.length], scales);

    const [xWhole, xScale, xZero] = kernel ? this.#neighbourhoods(x, kernel) : this.#quantized(x);
    const result = kernel ? `${y} channels last` : y;
    const scaled = bias ? `${result} without bias` : result;
    this.#node('MatMulInteger', [xWhole, weightWhole, xZero], [`${y} whole`]);
    this.keep(castNode(`${y} unscaled Cast`, `${y} whole`, `${y} unscaled`, 'float'));
    this.#node('Mul', [xScale, weightScale], [`${y} scale`]);
    this.#node('Mul', [`${y} unscaled`, `${y} scale`], [scaled]);
    if (bias) this.#node('Add', [scaled, bias], [result]);
    if (kernel) this.#transpose(result, y, CHANNELS_FIRST);
  }

  #quantized(x: string): Quantized {
    const known = this.#activations.get(x);
    if (known) return known;
    const made = [`${x} whole`, `${x} scale`, `${x} zero`] as const;
    this.#node('DynamicQuantizeLinear', [x], made);
    this.#activations.set(x, made);
    return made;
  }

  /** For each place of x [B,C,H,W] what a kernel sees there, side by side: [B,H,W,side*side*C]. */
  #neighbourhoods(x: string, { side, padding }: { side: number; padding: number }): Quantized {
    const key = `${x} by ${side} and ${padding}`;
    const known = this.#activations.get(key);
    if (known) return known;
    // The runtime takes this transposition and those around other layers out against each other.
    const last = `${key} channels last`;
    this.#transpose(x, last, CHANNELS_LAST);
    const [whole, scale, zero] = this.#quantized(last);
    const seen = side === 1 ? whole : this.#gathered(whole, zero, side, padding);
    this.#activations.set(key, [seen, scale, zero]);
    return [seen, scale, zero];
  }

  /** [B,H,W,C] -> [B,H,W,side*side*C] */
  #gathered(whole: string, zero: string, side: number, padding: number): string {
    const [padded, gathered] = [`${whole} padded`, `${whole} gathered`];
    const amounts = [0, padding, padding, 0, 0, padding, padding, 0];
    this.#node('Pad', [whole, this.#ints(amounts), zero], [padded]);
    const shifted: string[] = [];
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const part = `${padded} from ${row} ${column}`;
        const ends = [row, column].map((start) => start + 1 - side || END);
        const range = [[row, column], ends, [1, 2]].map((each) => this.#ints(each));
        this.#node('Slice', [padded, ...range], [part]);
        shifted.push(part);
      }
    }
    this.#node('Concat', shifted, [gathered], { axis: int(3) });
    return gathered;
  }

  #transpose(from: string, to: string, axes: readonly number[]): void {
    this.#node('Transpose', [from], [to], { perm: ints(axes) });
  }

  #node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes = {},
  ): void {
    this.nodes.push({ name: `${outputs[0]} ${op}`, op, domain: '', inputs, outputs, attributes });
  }

  #ints(values: readonly number[]): string {
    const name = `int64 [${values}]`;
    this.#tensor(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
    return name;
  }

  #tensor(name: string, type: DataType, shape: readonly number[], values: ArrayBufferView): void {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#tensors.set(name, { name, type, shape, data });
  }
}

/** A weight as whole numbers [in,out], or [side*side*in,out] for a convolution, and a scale for each output. */
function quantizeWeight({ shape, data }: FloatTensor, isOutByIn: boolean) {
  const outputs = (isOutByIn ? shape[0] : shape[1]) as number;
  const rows = data.length / outputs;
  const places = shape.slice(2).reduce((product, length) => product * length, 1);
  const inputs = rows / places;
  const scales = new Float32Array(outputs);
  const whole = new Int8Array(data.length);
  for (let output = 0; output < outputs; output++) {
    // Row `place * inputs + input` of the result.
    const at = (place: number, input: number) =>
      isOutByIn ? (output * inputs + input) * places + place : input * outputs + output;
    let largest = 0;
    for (let place = 0; place < places; place++) {
      for (let input = 0; input < inputs; input++) {
        largest = Math.max(largest, Math.abs(data[at(place, input)] as number));
      }
    }
    const scale = largest / WEIGHT_LIMIT || 1;
    scales[output] = scale;
    for (let place = 0; place < places; place++) {
      for (let input = 0; input < inputs; input++) {
        const row = place * inputs + input;
        whole[row * outputs + output] = Math.round((data[at(place, input)] as number) / scale);
      }
    }
  }
  return { shape: [rows, outputs], whole, scales };
}
