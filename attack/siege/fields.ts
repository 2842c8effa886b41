import { MULTIPART, multipart, part } from '../../test/fixtures/multipart.js';
import { exchange, head, type Target } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** A part of a form that is not a file. */
export function field(name: string, value: string, type?: string): Buffer {
  const declared = type ? `\r\nContent-Type: ${type}` : '';
  return part(`name="${name}"${declared}`, value);
}

/** Sends a form. */
export async function sendForm(target: Target, path: string, body: Uint8Array, accept = '*/*') {
  const fields = { 'content-type': MULTIPART, 'content-length': body.length, accept };
  return exchange(target, head('POST', path, fields), body);
}

/** Fields of forms that become large when they are parsed. */
export const fields: Kind = {
  name: 'fields',
  connections: 8,
  pauseMs: 1000,
  async prepare(share) {
    const count = Math.ceil(share * 5e6);
    const objects = `[${'{},'.repeat(count)}{}]`;
    const deep = '['.repeat(count) + ']'.repeat(count);
    const small = Array.from({ length: 31 }, (_, i) => field(`f${i}`, '0', 'application/json'));
    const to = (path: string, ...parts: Buffer[]): Attack => {
      const form = multipart(...parts);
      return async (target) => (await sendForm(target, path, form)).status;
    };
    return inTurn(
      to('/segment', field('prompts', objects, 'application/json')),
      to('/segment', ...['a', 'b', 'c'].map((name) => field(name, objects, 'application/json'))),
      to('/everything', field('points_per_side', deep, 'application/json')),
      to('/segment', field('prompts', objects)),
      to('/embed', ...small),
    );
  },
};
