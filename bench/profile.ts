import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { writeModel } from '../src/onnx/write-model.js';
import { buildMobileSamEncoder } from '../src/sam/encoder/mobile-sam-encoder.js';
import { sceneInput, shippedEncoder } from '../test/sam/fixtures/encoders.js';

/**
 * Where the encoder's time goes: milliseconds by operator on one thread, as onnxruntime's profiler counts them, of the
 * shipped graph and of ours in both precisions. Each node counts with its median.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const RUNS = 8;

interface Event {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

const input = new Tensor('float32', await sceneInput(4), [1, 3, 1024, 1024]);
const folder = mkdtempSync(join(tmpdir(), 'profile-'));
const graphs = {
  shipped: shippedEncoder,
  float32: writeModel(buildMobileSamEncoder(shippedEncoder, 'float32')),
  int8: writeModel(buildMobileSamEncoder(shippedEncoder, 'int8')),
};
const tables: Record<string, Map<string, number>> = {};
for (const [name, graph] of Object.entries(graphs)) tables[name] = await profile(name, graph);
rmSync(folder, { recursive: true });

const names = Object.keys(tables);
const operators = new Set(Object.values(tables).flatMap((table) => [...table.keys()]));
const row = (title: string, cells: readonly string[]) =>
  console.log(`| ${title.padEnd(30)} |${cells.map((cell) => cell.padStart(8)).join(' |')} |`);
row('ms', names);
const total = (name: string) => [...(tables[name]?.values() ?? [])].reduce((a, b) => a + b, 0);
row(
  'all',
  names.map((name) => total(name).toFixed(1)),
);
for (const operator of [...operators].sort()) {
  row(
    operator,
    names.map((name) => tables[name]?.get(operator)?.toFixed(1) ?? ''),
  );
}

/** Milliseconds by operator. */
async function profile(name: string, graph: Uint8Array): Promise<Map<string, number>> {
  const session = await InferenceSession.create(graph, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: join(folder, name),
  });
  for (let run = 0; run < RUNS; run++) await session.run({ input });
  session.endProfiling();
  const trace = readdirSync(folder).find((file) => file.startsWith(name)) as string;
  const file = readFileSync(join(folder, trace), 'utf8');
  const times = new Map<string, { operator: string; all: number[] }>();
  for (const { cat, name, dur, args } of JSON.parse(file) as Event[]) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || !args.op_name) continue;
    const node = times.get(name) ?? { operator: args.op_name, all: [] };
    node.all.push(dur / 1000);
    times.set(name, node);
  }
  const table = new Map<string, number>();
  for (const { operator, all } of times.values()) {
    const median = all.sort((a, b) => a - b)[all.length >> 1] as number;
    table.set(operator, (table.get(operator) ?? 0) + median);
  }
  return table;
}
