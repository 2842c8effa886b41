import type { Socket } from 'node:net';

/** A message between processes: what JSON can say, and bytes beside it. */
export interface Frame<Head> {
  readonly head: Head;
  readonly parts: readonly Uint8Array[];
}

const PREFIX_BYTES = 4;

/** Sends a message: the length of a text, the text, which tells the lengths of the parts, and the parts. */
export function sendFrame<Head>(socket: Socket, { head, parts }: Frame<Head>): void {
  const sizes = parts.map((part) => part.length);
  const text = Buffer.from(JSON.stringify({ head, sizes }));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(text.length);
  socket.cork();
  for (const bytes of [prefix, text, ...parts]) socket.write(bytes);
  socket.uncork();
}

/**
 * Puts together the messages that arrive at a socket, each part in memory of its own.
 * @param onFrame told of each.
 */
export function receiveFrames<Head>(socket: Socket, onFrame: (frame: Frame<Head>) => void): void {
  /** What is filled now, and to be done once it is full. */
  let target = new Uint8Array(PREFIX_BYTES);
  let filled = 0;
  let done = readPrefix;

  function expect(bytes: number, then: () => void): void {
    target = new Uint8Array(bytes);
    filled = 0;
    done = then;
    if (bytes === 0) then();
  }

  function readPrefix(): void {
    expect(Buffer.from(target.buffer).readUInt32LE(), readHead);
  }

  function readHead(): void {
    const { head, sizes } = JSON.parse(Buffer.from(target.buffer).toString());
    const parts: Uint8Array[] = [];
    const next = (): void => {
      const size = sizes[parts.length];
      if (size === undefined) {
        expect(PREFIX_BYTES, readPrefix);
        onFrame({ head, parts });
      } else {
        expect(size, () => {
          parts.push(target);
          next();
        });
      }
    };
    next();
  }

  socket.on('data', (chunk: Buffer) => {
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.subarray(0, target.length - filled);
      target.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
      if (filled === target.length) done();
    }
  });
}
