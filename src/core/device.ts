/** Where a lane's networks may be asked to run; `auto` takes the best that loads. */
export const DEVICES = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml', 'auto'] as const;
export type Device = (typeof DEVICES)[number];

/** Where they do run. */
export type Provider = Exclude<Device, 'auto'>;
