import { listSupportedBackends } from 'onnxruntime-node';
import type { Device, Provider } from '../core/device.js';

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

/** The runtime's name for 16-bit numbers, in its error on a GPU that has none. */
const LACKS_HALF = /\bf16\b/i;
const HALF_REMEDY =
  'the GPU, or its driver, has no 16-bit shaders (shader-f16 of WebGPU), in which encoders of checkpoints run on a GPU: ' +
  'use SAM_DEVICE=cpu or cuda, or the model mobile_sam, which runs in 32 bits';

/** Whether a network failed because the GPU lacks what its numbers need. */
export function lacksHalfPrecision(cause: unknown): boolean {
  return cause instanceof Error && LACKS_HALF.test(cause.message);
}

/** The providers to try for a device, in order; the last of `auto` is the CPU. */
export function providersFor(device: Device): readonly Provider[] {
  if (device !== 'auto') return [device];
  const present = new Set(listSupportedBackends().map((backend) => backend.name));
  return [...PREFERENCE.filter((provider) => present.has(provider)), 'cpu'];
}

/** One sentence for the operator: which provider did not load, why, and what to install. */
export function unavailable(provider: Provider, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  // The runtime prefixes its own source file and function; only its last words concern an operator.
  const last =
    reason
      .split('\n')[0]
      ?.split(/: (?=[A-Z])/)
      .at(-1) ?? reason;
  const remedy = lacksHalfPrecision(cause) ? HALF_REMEDY : REMEDY[provider];
  return `execution provider "${provider}" cannot be loaded (${last.trim()}): ${remedy}`;
}
