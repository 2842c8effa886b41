import type { Span } from '@opentelemetry/api';
import type { RequestTrace } from '../core/ports.js';

/** Sends traces of requests to a collector. */
export interface Traces {
  request(trace: RequestTrace): void;
  close(): Promise<void>;
}

/**
 * Traces to the OTLP endpoint that the standard OTEL_EXPORTER_OTLP_… variables name. The libraries are loaded
 * here and nowhere else: who has no collector does not pay for them.
 */
export async function startTraces(version: string): Promise<Traces> {
  const [api, { BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, propagation, trace } = api;
  const name = process.env['OTEL_SERVICE_NAME'] ?? 'sam-split';
  const attributes = { 'service.name': name, 'service.version': version };
  const provider = new NodeTracerProvider({
    resource: resources.resourceFromAttributes(attributes),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  const tracer = provider.getTracer('sam-split');

  return {
    request({ method, route, status, problem, requestId, headers, start, ms, steps }) {
      const parent = propagation.extract(ROOT_CONTEXT, headers);
      const options = { kind: SpanKind.SERVER, startTime: start };
      const span: Span = tracer.startSpan(`${method} ${route}`, options, parent);
      span.setAttributes({
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
        'sam.request_id': requestId,
        ...(problem && { 'error.type': problem }),
      });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      const within = trace.setSpan(parent, span);
      // One after the other, as they were: what lies between them is our own.
      let at = start;
      for (const [step, took] of steps) {
        const end = Math.min(at + took, start + ms);
        tracer.startSpan(step, { startTime: at }, within).end(end);
        at = end;
      }
      span.end(start + ms);
    },
    close: () => provider.shutdown(),
  };
}
