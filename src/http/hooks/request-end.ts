import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What is to be called of the requests that a connection has under way. */
const underWay = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `over` once, when an answer is out or nobody will take it any more. An answer that waits for its turn behind
 * others of its connection hears nothing of that connection's end: the connection itself has to be asked.
 */
export function whenOver(request: IncomingMessage, answer: ServerResponse, over: () => void): void {
  const { socket } = request;
  const requests = underWay.get(socket) ?? watch(socket);
  const end = () => {
    if (requests.delete(end)) over();
  };
  requests.add(end);
  answer.once('close', end);
}

function watch(socket: Socket): Set<() => void> {
  const requests = new Set<() => void>();
  underWay.set(socket, requests);
  socket.once('close', () => {
    for (const end of requests) end();
  });
  return requests;
}
