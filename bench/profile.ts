import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Graph } from '../src/onnx/graph.js';
import { writeModel } from '../src/onnx/write-model.js';
import { buildMobileSamEncoder } from '../src/sam/encoder/mobile-sam-encoder.js';
import { sceneInput, shippedEncoder } from '../test/sam/fixtures/encoders.js';
import { macsOf, type ProfileEvent } from './macs.js';

/**
 * Where the encoder's time goes: milliseconds by operator on one thread, as onnxruntime's profiler counts them, of the
 * shipped graph and of ours in both precisions, and for products billions of operations a second, beside those of one
 * large product of matrices. Each node counts with its fastest run, which is the one that other programs disturb least.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const RUNS = 8;

interface Event extends ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
}

/** Of all nodes of an operator. */
interface Cost {
  ms: number;
  macs: number;
}

const input = new Tensor('float32', await sceneInput(4), [1, 3, 1024, 1024]);
const folder = mkdtempSync(join(tmpdir(), 'profile-'));
const graphs = {
  shipped: shippedEncoder,
  float32: writeModel(buildMobileSamEncoder(shippedEncoder, 'float32', 'cpu')),
  int8: writeModel(buildMobileSamEncoder(shippedEncoder, 'int8', 'cpu')),
};
const tables: Record<string, Map<string, Cost>> = {};
for (const [name, graph] of Object.entries(graphs))
  tables[name] = await profile(name, graph, { input });
const plain = await profile('plain', product(1024), { x: square(1024), y: square(1024) });
rmSync(folder, { recursive: true });

const names = Object.keys(tables);
const operators = new Set(Object.values(tables).flatMap((table) => [...table.keys()]));
const row = (title: string, cells: readonly string[]) =>
  console.log(`| ${title.padEnd(30)} |${cells.map((cell) => cell.padStart(8)).join(' |')} |`);
row('ms', names);
const total = (name: string) =>
  [...(tables[name]?.values() ?? [])].reduce((sum, { ms }) => sum + ms, 0);
row(
  'all',
  names.map((name) => total(name).toFixed(1)),
);
for (const operator of [...operators].sort()) {
  row(
    operator,
    names.map((name) => tables[name]?.get(operator)?.ms.toFixed(1) ?? ''),
  );
}
row('GFLOP/s', names);
for (const operator of [...operators].sort()) {
  const rates = names.map((name) => rate(tables[name]?.get(operator)));
  if (rates.some(Boolean)) row(operator, rates);
}
console.log(`one product of matrices of 1024x1024: ${rate(plain.get('MatMul'))} GFLOP/s`);

/** Billions of additions and multiplications a second. */
function rate(cost: Cost | undefined): string {
  return cost?.macs ? ((2 * cost.macs) / cost.ms / 1e6).toFixed(1) : '';
}

/** x y, both [side,side]. */
function product(side: number): Uint8Array {
  const g = Graph.create('product');
  const shape = [side, side];
  g.output('z', g.matMul(g.input('x', shape), g.input('y', shape)), shape);
  return writeModel(g.toModel());
}

function square(side: number): Tensor {
  return new Tensor('float32', new Float32Array(side * side).fill(0.5), [side, side]);
}

/** What operators cost. */
async function profile(
  name: string,
  graph: Uint8Array,
  feeds: Record<string, Tensor>,
): Promise<Map<string, Cost>> {
  const session = await InferenceSession.create(graph, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: join(folder, name),
  });
  for (let run = 0; run < RUNS; run++) await session.run(feeds);
  session.endProfiling();
  const trace = readdirSync(folder).find((file) => file.startsWith(name)) as string;
  const file = readFileSync(join(folder, trace), 'utf8');
  const nodes = new Map<string, Cost & { readonly operator: string }>();
  for (const event of JSON.parse(file) as Event[]) {
    const { cat, name, dur, args } = event;
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || !args?.op_name) continue;
    const { ms } = nodes.get(name) ?? { ms: Number.POSITIVE_INFINITY };
    const fastest = Math.min(ms, dur / 1000);
    nodes.set(name, { operator: args.op_name, ms: fastest, macs: macsOf(event) });
  }
  const table = new Map<string, Cost>();
  for (const { operator, ms, macs } of nodes.values()) {
    const all = table.get(operator) ?? { ms: 0, macs: 0 };
    table.set(operator, { ms: all.ms + ms, macs: all.macs + macs });
  }
  return table;
}
