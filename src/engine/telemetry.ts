/**
 * Keeps onnxruntime from sending usage reports to its makers, which its builds for Linux and macOS do unless this
 * variable is set before the library is loaded. To be called on the main thread: only there does an assignment reach
 * the environment that native code reads. Whoever sets the variable otherwise, decides.
 */
export function withholdTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}
