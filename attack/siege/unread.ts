import { head, type Target, Wire } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Milliseconds for which nobody reads. */
const PATIENCE = 30_000;

/** A request whose answer nobody reads. */
export async function unreadAnswer(
  target: Target,
  method: string,
  path: string,
  accept: string,
  body?: object,
): Promise<number> {
  const wire = await Wire.open(target);
  const text = body && JSON.stringify({ embedding_id: target.id, ...body });
  const type = body && { 'content-type': 'application/json' };
  const length = text && { 'content-length': Buffer.byteLength(text) };
  await wire.send(head(method, path, { accept, ...type, ...length }) + (text ?? ''));
  const status = await wire.status();
  await wire.hold(PATIENCE);
  return status;
}

/** Prompts for `count` logits and as many low_res_logits, three masks each: 2 MB a prompt. */
export function logitsOf(count: number): object {
  const prompt = { point_coords: [[90, 90]], point_labels: [1] };
  return { prompts: Array(count).fill(prompt), format: 'logits', return_logits: true };
}

/** Large answers to small requests, left in the socket. */
export const unread: Kind = {
  name: 'unread',
  connections: 30,
  pauseMs: 1000,
  async prepare(share) {
    const prompts = Math.ceil(share * 64);
    const logits: Attack = (target) =>
      unreadAnswer(target, 'POST', '/decode', '*/*', logitsOf(prompts));
    const parts: Attack = (target) =>
      unreadAnswer(target, 'POST', '/decode', 'multipart/mixed', logitsOf(prompts));
    const tensor: Attack = (target) =>
      unreadAnswer(target, 'GET', `/embeddings/${target.id}`, 'application/x-npy');
    const graph: Attack = (target) =>
      unreadAnswer(target, 'GET', '/models/mobile_sam/decoder.onnx', '*/*');
    return inTurn(logits, tensor, parts, graph);
  },
};
