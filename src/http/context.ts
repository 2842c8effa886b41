import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ImageLane } from '../core/ports.js';
import type { DecoderFiles } from '../service/decoder-files.js';
import type { Embeddings } from '../service/embeddings.js';
import type { Predictor } from '../service/predictor.js';
import type { Uploads } from './uploads.js';

/** A model as `/models` shows it. */
export interface ModelInfo {
  readonly name: string;
  readonly title: string;
  readonly license: string;
  readonly source: string;
  readonly architecture: string;
  readonly image_size: number;
  readonly fingerprint: string;
  readonly encoder: { readonly provider: string; readonly sha256: string };
  readonly decoder: { readonly provider: string; readonly sha256: string };
}

/** What routes work with. */
export interface Context {
  readonly embeddings: Embeddings;
  readonly predictor: Predictor;
  readonly decoderFiles: DecoderFiles;
  readonly images: ImageLane;
  readonly uploads: Uploads;
  readonly models: () => readonly ModelInfo[];
  readonly ready: () => boolean;
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
    /** What the log line of this request says beside route, status and time. */
    notes: Record<string, unknown>;
  }
}
