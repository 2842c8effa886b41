import { listSupportedBackends } from 'onnxruntime-node';
import type { Device, Provider } from '../core/device.js';
import { DeviceLost, OperatorError } from '../core/errors.js';

/** What `auto` tries, best first. TensorRT is left out: it spends minutes building its engine at start. */
const PREFERENCE: readonly Provider[] = ['cuda', 'coreml', 'dml', 'webgpu'];

/** What to do when a provider does not load. */
const REMEDY: Record<Provider, string> = {
  cpu: 'onnxruntime-node has no build for this platform',
  cuda:
    'it needs an NVIDIA driver, CUDA 12 with cuDNN 9, and the provider library, which npm does not ship: run ' +
    '"ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js" (linux/x64), or build the image with DEVICE=cuda',
  tensorrt:
    'it needs TensorRT 10 on top of everything cuda needs: run ' +
    '"ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js" (linux/x64)',
  webgpu:
    'it needs a GPU with a Vulkan driver and the Vulkan loader (Debian and Ubuntu: libvulkan1)',
  coreml: 'it exists on macOS only',
  dml: 'it exists on Windows only',
};

/** What the runtime says of a device that was there. */
const LOST = /\bdevice\b.*\blost\b/i;

/** The providers to try for a device, in order; the last of `auto` is the CPU. */
export function providersFor(device: Device): readonly Provider[] {
  if (device !== 'auto') return [device];
  const present = new Set(listSupportedBackends().map((backend) => backend.name));
  return [...PREFERENCE.filter((provider) => present.has(provider)), 'cpu'];
}

/** One sentence for the operator: which provider did not load, why, and what to install. */
export function unavailable(provider: Provider, cause: unknown): OperatorError {
  if (LOST.test(reasonOf(cause))) return lost(provider, cause);
  const message = `execution provider "${provider}" cannot be loaded (${reasonOf(cause)}): ${REMEDY[provider]}`;
  return new OperatorError(message, { cause });
}

/** One sentence for the operator: a provider that runs has no 16-bit numbers. */
export function lacksHalves(provider: Provider, cause: unknown): string {
  return (
    `the GPU of "${provider}", or its driver, does not compute in 16 bits, which WebGPU calls shader-f16 ` +
    `(${reasonOf(cause)}): SAM_ENCODER_PRECISION=auto takes 32 then`
  );
}

/**
 * One sentence for the operator: the runtime has one device for the whole process, and does not open it again.
 * @param reason why the device does not run anything. @param cause what was met because of that.
 */
export function lost(provider: Provider, reason: unknown, cause = reason): DeviceLost {
  const message = `the GPU of "${provider}" is lost to this process (${reasonOf(reason)}): restart it`;
  return new DeviceLost(message, { cause });
}

/** A network that a provider refuses which runs others: nothing is to be installed. */
export function cannotOpen(provider: Provider, cause: unknown): OperatorError {
  const message = `execution provider "${provider}" does not take the network (${reasonOf(cause)})`;
  return new OperatorError(message, { cause });
}

/** The runtime prefixes its own source file and function; only its last words concern an operator. */
function reasonOf(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const last = reason.split('\n')[0]?.split(/(?:: | was false\. )(?=[A-Z])/);
  return (last?.at(-1) ?? reason).trim();
}
