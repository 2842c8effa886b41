import type { Place } from 'sam-split-client';

/** Where prompts are decoded, in words. */
export function placeName(place: Place): string {
  if (place.runtime === 'server') return 'Decoded on the server';
  if (place.runtime === 'webgpu') return 'Decoded in this browser: WebGPU';
  return `Decoded in this browser: wasm ×${place.threads}`;
}
