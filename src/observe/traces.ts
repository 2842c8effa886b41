import type { Context, Span } from '@opentelemetry/api';
import type { JobTrace, RequestTrace } from '../core/traces.js';

/** Sends traces of requests to a collector. */
export interface Traces {
  request(trace: RequestTrace): void;
  job(trace: JobTrace): void;
  close(): Promise<void>;
}

/**
 * Traces to the OTLP endpoint that the standard OTEL_EXPORTER_OTLP_… variables name. The libraries are loaded
 * here and nowhere else: who has no collector does not pay for them.
 */
export async function startTraces(version: string): Promise<Traces> {
  const [api, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { BatchSpanProcessor, NodeTracerProvider, RandomIdGenerator } = sdk;
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, propagation, trace } = api;
  const name = process.env['OTEL_SERVICE_NAME'] ?? 'sam-split';
  const attributes = { 'service.name': name, 'service.version': version };
  const random = new RandomIdGenerator();
  /** Names the next span as it has been named elsewhere, and others at random. */
  const ids = {
    given: undefined as string | undefined,
    generateTraceId: () => ids.given?.split('-')[1] ?? random.generateTraceId(),
    generateSpanId: () => ids.given?.split('-')[2] ?? random.generateSpanId(),
  };
  const provider = new NodeTracerProvider({
    resource: resources.resourceFromAttributes(attributes),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  const tracer = provider.getTracer('sam-split');

  /** One after the other, as they were: what lies between them is our own. */
  const addSteps = (within: Context, { start, ms, steps }: JobTrace | RequestTrace) => {
    let at = start;
    for (const [step, took] of steps) {
      const end = Math.min(at + took, start + ms);
      tracer.startSpan(step, { startTime: at }, within).end(end);
      at = end;
    }
  };

  return {
    request(request) {
      const {
        method,
        route,
        status,
        problem,
        requestId,
        headers,
        start,
        ms,
        span: given,
      } = request;
      const parent = propagation.extract(ROOT_CONTEXT, headers);
      const options = { kind: SpanKind.SERVER, startTime: start };
      ids.given = given;
      const span: Span = tracer.startSpan(`${method} ${route}`, options, parent);
      ids.given = undefined;
      span.setAttributes({
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
        'sam.request_id': requestId,
        ...(problem && { 'error.type': problem }),
      });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      addSteps(trace.setSpan(parent, span), request);
      span.end(start + ms);
    },
    job(job) {
      const { name, parent, requestId, failed, attributes, start, ms } = job;
      const within = propagation.extract(ROOT_CONTEXT, { traceparent: parent });
      const options = { kind: SpanKind.CONSUMER, startTime: start };
      const span = tracer.startSpan(name, options, within);
      span.setAttributes({ ...attributes, ...(requestId && { 'sam.request_id': requestId }) });
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
      addSteps(trace.setSpan(within, span), job);
      span.end(start + ms);
    },
    close: () => provider.shutdown(),
  };
}
