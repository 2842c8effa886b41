import type { Context, Server } from '../context.js';
import { RequestCaller } from './request-caller.js';
import { whenOver } from './request-end.js';

/** Gives every answer its request id, and every request a caller and one line in the log without a byte of its content. */
export function logRequests(server: Server, { counts, trace, ledger }: Context): void {
  server.decorateRequest('problem');
  server.decorateRequest('caller');
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    request.caller = new RequestCaller(request, ledger, trace !== undefined);
    whenOver(request.raw, reply.raw, () => request.caller.close(reply.raw.writableFinished));
  });
  server.addHook('onResponse', async (request, reply) => {
    const { id: requestId, method, headers, key, problem } = request;
    const { facts, steps, givenTrace } = request.caller;
    const { statusCode: status, elapsedTime: ms } = reply;
    const route = request.routeOptions.url;
    const timings = Object.fromEntries(steps.map(([name, ms]) => [name, tenths(ms)]));
    const line = { method, route, status, ms: tenths(ms), key: key?.name, problem, ...facts };
    request.log.info(steps.length > 0 ? { ...line, timings } : line, 'answered');
    counts.answered(method, route ?? 'none', status, ms);
    if (problem) counts.rejected(problem);
    const start = Date.now() - ms;
    trace?.({
      method,
      route: route ?? 'none',
      status,
      problem,
      requestId,
      headers,
      ...(givenTrace && { span: givenTrace }),
      start,
      ms,
      steps,
    });
  });
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
