import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ImageLane } from '../core/ports.js';
import type { Cutouts } from '../service/cutouts.js';
import type { DecoderFiles } from '../service/decoder-files.js';
import type { MaskGenerator } from '../service/mask-generator.js';
import type { Models } from '../service/models.js';
import type { Predictor } from '../service/predictor.js';
import type { Uploads } from './uploads.js';

/** What routes work with. */
export interface Context {
  readonly models: Models;
  readonly predictor: Predictor;
  readonly decoderFiles: DecoderFiles;
  readonly cutouts: Cutouts;
  readonly generator: MaskGenerator;
  readonly images: ImageLane;
  readonly uploads: Uploads;
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
    /**
     * Aborts when the client leaves before its answer is out. Fastify's own `signal` follows the request's body: it
     * aborts once that has been read, or never.
     */
    departure: AbortSignal;
  }
}
