import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Caller } from '../core/caller.js';
import type { ErrorCode } from '../core/errors.js';
import type { RemoteImages } from '../core/ports.js';
import type { RequestTrace } from '../core/traces.js';
import type { DecoderFiles } from '../service/decoder-files.js';
import type { Everything } from '../service/everything/everything.js';
import type { Ledger } from '../service/memory/ledger.js';
import type { Models } from '../service/models.js';
import type { Segmenter } from '../service/segmenter.js';
import type { Uploads } from './bodies/uploads.js';
import type { RequestCaller } from './hooks/request-caller.js';

/** What is counted of requests, and where all counts are read. */
export interface RequestCounts {
  answered(method: string, route: string, status: number, ms: number): void;
  rejected(reason: ErrorCode): void;
  expose(): Promise<{ type: string; text: string }>;
}

/** What routes work with. */
export interface Context {
  readonly models: Models;
  readonly segmenter: Segmenter;
  readonly everything: Everything;
  readonly decoderFiles: DecoderFiles;
  /** What the requests hold in memory. */
  readonly ledger: Ledger;
  readonly uploads: Uploads;
  readonly remote: RemoteImages;
  readonly counts: RequestCounts;
  /** Told of each request that was answered, where traces are wanted. */
  readonly trace?: (request: RequestTrace) => void;
  /** Throw `overloaded` where there is no room: asked before a body is read. */
  readonly room: { images(caller: Caller): void; prompts(caller: Caller): void };
  readonly ready: () => boolean;
  /** Whether each answer is to be its connection's last. */
  readonly draining: () => boolean;
}

/** A server whose handlers know the types of their schemas. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** What was wrong with it, if anything. */
    problem: ErrorCode | undefined;
    /** For whom work is done: lanes and the ledger count by it. */
    caller: RequestCaller;
  }
}
