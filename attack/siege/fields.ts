import { exchange, head, type Target } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** A part of a form that is not a file. */
export function field(name: string, value: string, type?: string): string {
  const declared = type ? `\r\nContent-Type: ${type}` : '';
  return `--edge\r\nContent-Disposition: form-data; name="${name}"${declared}\r\n\r\n${value}\r\n`;
}

/** A form of such parts. */
export function formOf(...parts: readonly string[]): Buffer {
  return Buffer.from(`${parts.join('')}--edge--\r\n`, 'latin1');
}

/** Sends a form. */
export async function sendForm(target: Target, path: string, body: Uint8Array) {
  const type = 'multipart/form-data; boundary=edge';
  const start = head('POST', path, { 'content-type': type, 'content-length': body.length });
  return exchange(target, start, body);
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
    const to = (path: string, ...parts: string[]): Attack => {
      const form = formOf(...parts);
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
