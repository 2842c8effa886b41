import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  DECODER,
  HIERA_COMMON,
  type HieraVariant,
  VIT_COMMON,
  type VitVariant,
} from '../src/sam/architecture.js';
import { blocksOf } from '../src/sam/encoder/hiera/blocks.js';

/** Multiplications of SAM's image encoder as it was published, for one image. */
export function publishedMacs({ depth, dim, globalAttn }: VitVariant): number {
  const { patchSize, windowSize, mlpRatio } = VIT_COMMON;
  const tokens = DECODER.gridSize ** 2;
  const windows = Math.ceil(DECODER.gridSize / windowSize) ** 2;
  const padded = windows * windowSize ** 2;
  const attention = (all: number, seen: number) => all * (4 * dim ** 2 + 2 * seen * dim);
  const local = attention(padded, windowSize ** 2);
  const global = attention(tokens, tokens);
  const mlp = tokens * 2 * mlpRatio * dim ** 2;
  const patches = tokens * 3 * patchSize ** 2 * dim;
  const neck = tokens * DECODER.dim * (dim + 9 * DECODER.dim);
  const globals = globalAttn.length;
  return patches + (depth - globals) * local + globals * global + depth * mlp + neck;
}

/** Multiplications of SAM 2's image encoder as it was published, padded windows included, for one image. */
export function hieraMacs(variant: HieraVariant): number {
  const { gridSize, mlpRatio, patch } = HIERA_COMMON;
  const { dim } = variant;
  const blocks = blocksOf(variant).map(({ side, window, dim, dimOut, isPooled }) => {
    const padded = (Math.ceil(side / window) * window) ** 2;
    const quarter = isPooled ? 4 : 1;
    const linears = padded * 3 * dim * dimOut + (padded / quarter) * dimOut ** 2;
    const attention = (padded / quarter) * window ** 2 * 2 * dimOut;
    const shortcut = isPooled ? side ** 2 * dim * dimOut : 0;
    const mlp = (side ** 2 / quarter) * 2 * mlpRatio * dimOut ** 2;
    return linears + attention + shortcut + mlp;
  });
  const patches = gridSize ** 2 * 3 * patch.side ** 2 * dim;
  const levels = [1, 2, 4, 8].map((multiple) => {
    return (gridSize / multiple) ** 2 * multiple * dim * DECODER.dim;
  });
  const [fine, finest] = DECODER.upscaledChannels;
  const narrowed = DECODER.dim * (gridSize ** 2 * finest + (gridSize / 2) ** 2 * fine);
  return patches + [...blocks, ...levels, narrowed].reduce((sum, macs) => sum + macs, 0);
}

/** An event of onnxruntime's profile: one run of one operator, with the shapes of its operands by their types. */
export interface ProfileEvent {
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Record<string, readonly number[]>[];
    readonly output_type_shape?: readonly Record<string, readonly number[]>[];
  };
}

/** Multiplications of an encoder that is an ONNX file, counted while it runs. */
export async function countedMacs(file: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'macs-'));
  const session = await InferenceSession.create(file, {
    graphOptimizationLevel: 'basic',
    enableProfiling: true,
    profileFilePrefix: join(folder, 'profile'),
    logSeverityLevel: 4,
  });
  const image = new Tensor('float32', new Float32Array(3 * 1024 * 1024), [1, 3, 1024, 1024]);
  await session.run({ input: image });
  session.endProfiling();
  const [profile = ''] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, profile), 'utf8')) as ProfileEvent[];
  rmSync(folder, { recursive: true });
  return events.reduce((sum, event) => sum + macsOf(event), 0);
}

/** Multiplications of one run of an operator. */
export function macsOf({ args = {} }: ProfileEvent): number {
  const shape = (typed: Record<string, readonly number[]> | undefined) =>
    Object.values(typed ?? {})[0] ?? [];
  const weight = shape(args.input_type_shape?.[1]);
  const output = product(shape(args.output_type_shape?.[0]));
  switch (args.op_name) {
    case 'Conv':
      return output * product(weight.slice(1));
    case 'MatMul':
    case 'FusedMatMul':
    case 'Gemm':
    case 'DynamicQuantizeMatMul':
    case 'MatMulIntegerToFloat':
      return output * (shape(args.input_type_shape?.[0]).at(-1) ?? 0);
    default:
      return 0;
  }
}

function product(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total * length, 1);
}
