import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { Device, Provider } from '../core/device.js';
import { DeviceLost, OperatorError } from '../core/errors.js';
import type { Precision, PrecisionChoice } from '../core/family/model.js';
import { onceEach } from '../core/once-each.js';
import { inNativeCode } from './native-section.js';
import { probe } from './probe.js';
import { cannotOpen, lacksHalves, lost, providersFor, unavailable } from './provider.js';

export interface SessionOptions {
  readonly device: Device;
  /** Threads one run may use on the CPU. */
  readonly threads: number;
  /** One shared 32-bit word by which all workers of the process take turns on the GPU. */
  readonly gpuTurn: SharedArrayBuffer;
}

/** A network whose graph depends on where it runs. */
export interface GraphNetwork {
  /** Of the files that its weights stay in, if they do. */
  readonly folder?: string;
  readonly precision: PrecisionChoice;
  graphFor(provider: Provider, precision: Precision): Uint8Array;
}

/** A graph in 32 bits, or one that is made to measure. */
export type Network = Uint8Array | GraphNetwork;

/** A network that is ready to run. `run` blocks its thread: only workers hold one. */
export interface Session {
  readonly provider: Provider;
  readonly precision: Precision;
  /** @throws DeviceLost when a GPU is gone */
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}

/**
 * Opens a network on the device asked for.
 * @param network an ONNX file, or one that is written for its place.
 * @throws OperatorError saying whether it is the device's provider that does not load, and what to install; the numbers that
 *   it lacks; or the network. DeviceLost when the device was there. Only `auto` tries the next provider.
 */
export async function openSession(
  network: Network,
  { device, threads, gpuTurn }: SessionOptions,
): Promise<Session> {
  const failures: OperatorError[] = [];
  for (const provider of providersFor(device)) {
    // Two WebGPU sessions at once can take the process down, so its threads take turns: to run, and to open.
    const inTurn = provider === 'cpu' ? atOnce : turns(new Int32Array(gpuTurn));
    // The turn is inside of the native section: a condemned worker gives it back before it sleeps.
    const native = <T>(work: () => Promise<T>) => inNativeCode(() => inTurn(work));
    try {
      const precision = await precisionOn(provider, asked(network), native);
      const session = await native(() => create(network, provider, precision, threads));
      return served(session, { provider, precision }, native);
    } catch (error) {
      failures.push(error instanceof OperatorError ? error : cannotOpen(provider, error));
    }
  }
  const gone = failures.find((failure) => failure instanceof DeviceLost);
  throw gone ?? new OperatorError(failures.map(({ message }) => message).join('; '));
}

/** Apart from `openSession`, whose variables what is made there would hold for as long as it lives: the network's bytes. */
function served(
  session: InferenceSession,
  runsIn: Pick<Session, 'provider' | 'precision'>,
  native: Native,
): Session {
  return {
    ...runsIn,
    run: (feeds) =>
      named(
        runsIn.provider,
        native,
        native(() => session.run(feeds) as Promise<Record<string, Tensor>>),
      ),
  };
}

function asked(network: Network): PrecisionChoice {
  return 'graphFor' in network ? network.precision : 'float32';
}

/** What this thread knows of providers. */
const halvesOn = onceEach(
  async ({ provider, native }: { provider: Provider; native: Native }): Promise<Error | null> => {
    try {
      await native(() => probe(provider, 'float'));
    } catch (cause) {
      throw unavailable(provider, cause);
    }
    try {
      await native(() => probe(provider, 'float16'));
      return null;
    } catch (cause) {
      return cause as Error;
    }
  },
  ({ provider }) => provider,
);

type Native = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * The numbers that a network computes in.
 * @throws OperatorError when the provider does not load, or lacks what was asked for
 */
async function precisionOn(
  provider: Provider,
  choice: PrecisionChoice,
  native: Native,
): Promise<Precision> {
  // A CPU that is the last resort computes as it best can.
  if (provider === 'cpu') return choice === 'int8' ? 'int8' : 'float32';
  const cause = await halvesOn({ provider, native });
  if (choice !== 'auto' && choice !== 'float16') return choice;
  if (cause === null) return 'float16';
  if (choice === 'float16') throw new OperatorError(lacksHalves(provider, cause), { cause });
  return 'float32';
}

function create(
  network: Network,
  provider: Provider,
  precision: Precision,
  threads: number,
): Promise<InferenceSession> {
  const folder = 'graphFor' in network ? network.folder : undefined;
  const options: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    // From the second run on the runtime would plan all of a run's memory as one block, beside that of the first.
    enableMemPattern: false,
    // Spinning threads save a little latency and take whole cores from the other lane.
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        ...(folder !== undefined && { model_external_initializers_file_folder_path: folder }),
      },
    },
  };
  const graph = 'graphFor' in network ? network.graphFor(provider, precision) : network;
  return InferenceSession.create(graph, options);
}

/** A run fails on a GPU that is gone for reasons that do not say so. @throws DeviceLost, or what the run threw */
async function named<T>(provider: Provider, native: Native, running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (cause) {
    if (provider === 'cpu') throw cause;
    const isThere = native(() => probe(provider, 'float'));
    await isThere.catch((reason) => {
      throw lost(provider, reason, cause);
    });
    throw cause;
  }
}

async function atOnce<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

/** Runs one thing after the other, whichever threads of the process they come from. */
function turns(turn: Int32Array) {
  return async <T>(work: () => Promise<T>): Promise<T> => {
    while (Atomics.compareExchange(turn, 0, 0, 1) !== 0) Atomics.wait(turn, 0, 1);
    try {
      return await work();
    } finally {
      Atomics.store(turn, 0, 0);
      Atomics.notify(turn, 0, 1);
    }
  };
}
