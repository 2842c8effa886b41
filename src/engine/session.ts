import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { Device, Provider } from '../core/device.js';
import { OperatorError } from '../core/errors.js';
import { inNativeCode } from './native-section.js';
import { lacksHalfPrecision, providersFor, unavailable } from './provider.js';

export interface SessionOptions {
  readonly device: Device;
  /** Threads one run may use on the CPU. */
  readonly threads: number;
  /** One shared 32-bit word by which all workers of the process take turns on the GPU. */
  readonly gpuTurn: SharedArrayBuffer;
}

/** A network whose weights stay in files of a folder, and whose graph depends on where it runs. */
export interface ExternalNetwork {
  readonly folder: string;
  graphFor(provider: Provider): Uint8Array;
}

export type Network = Uint8Array | ExternalNetwork;

/** A network that is ready to run. `run` blocks its thread: only workers hold one. */
export interface Session {
  readonly provider: Provider;
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}

/**
 * Opens a network on the device asked for.
 * @param network an ONNX file, or one whose weights are elsewhere.
 * @throws OperatorError naming what to install when the device's provider does not load; only `auto` tries the next.
 */
export async function openSession(
  network: Network,
  { device, threads, gpuTurn }: SessionOptions,
): Promise<Session> {
  const failures: string[] = [];
  for (const provider of providersFor(device)) {
    try {
      const session = await inNativeCode(() => create(network, provider, threads));
      return served(session, provider, gpuTurn);
    } catch (error) {
      failures.push(unavailable(provider, error));
    }
  }
  throw new OperatorError(failures.join('; '));
}

/** Apart from `openSession`, whose variables what is made there would hold for as long as it lives: the network's bytes. */
function served(
  session: InferenceSession,
  provider: Provider,
  gpuTurn: SharedArrayBuffer,
): Session {
  const run = (feeds: Record<string, Tensor>) =>
    session.run(feeds) as Promise<Record<string, Tensor>>;
  const turned = provider === 'cpu' ? run : inTurn(new Int32Array(gpuTurn), run);
  // The turn is inside of the native section: a condemned worker gives it back before it sleeps.
  return {
    provider,
    run: (feeds) =>
      named(
        provider,
        inNativeCode(() => turned(feeds)),
      ),
  };
}

function create(network: Network, provider: Provider, threads: number): Promise<InferenceSession> {
  const folder = 'folder' in network ? network.folder : undefined;
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
  const graph = 'graphFor' in network ? network.graphFor(provider) : network;
  return InferenceSession.create(graph, options);
}

/** Shaders are compiled in the first run: only then does a GPU turn out to lack something. @throws OperatorError */
async function named<T>(provider: Provider, running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (cause) {
    if (!lacksHalfPrecision(cause)) throw cause;
    throw new OperatorError(unavailable(provider, cause), { cause });
  }
}

/** Two WebGPU sessions running at once can take the process down, so the threads of a process take turns. */
function inTurn<A, R>(turn: Int32Array, run: (argument: A) => Promise<R>) {
  return async (argument: A): Promise<R> => {
    while (Atomics.compareExchange(turn, 0, 0, 1) !== 0) Atomics.wait(turn, 0, 1);
    try {
      return await run(argument);
    } finally {
      Atomics.store(turn, 0, 0);
      Atomics.notify(turn, 0, 1);
    }
  };
}
