/**
 * Keeps onnxruntime from sending usage reports. Its builds for Linux and macOS send them unless this variable is set
 * before the library is loaded. Call it on the main thread: only there does an assignment reach the environment that
 * native code reads. A value that is already set stays.
 */
export function withholdTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}
