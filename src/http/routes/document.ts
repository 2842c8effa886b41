import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TSchema } from 'typebox';
import type { Server } from '../context.js';
import { EverythingFields, EverythingRequest } from '../schemas/everything.js';
import { CocoFile, EverythingResponse } from '../schemas/found-masks.js';
import { LowResLogits, MaskInput } from '../schemas/mask-input.js';
import { Mask } from '../schemas/masks.js';
import { ModelList } from '../schemas/models.js';
import {
  DecodeRequest,
  ImageJson,
  Prompt,
  PromptRequest,
  SegmentRequest,
} from '../schemas/requests.js';
import {
  DecodeResponse,
  EmbeddingInfo,
  EmbedResponse,
  Problem,
  Status,
} from '../schemas/responses.js';

const DESCRIPTION = `Segment Anything over HTTP, cut where SAM itself is cut. \`POST /embed\` runs the heavy image encoder
once and answers with an id made of the image's hash; \`POST /decode\` answers points, boxes and masks against that
id in milliseconds, with every mask and its score. Coordinates are pixels of the image after EXIF orientation,
(0,0) its top-left corner. An optional field that is null is as good as absent. Errors are problem details (RFC 9457).
Every body may come packed, with \`Content-Encoding: gzip\` or \`br\`; limits are those of what it unpacks to, and so is
an image's hash.`;

/** Everything routes mention by name. */
const SHARED_SCHEMAS: readonly TSchema[] = [
  LowResLogits,
  MaskInput,
  Prompt,
  PromptRequest,
  DecodeRequest,
  ImageJson,
  SegmentRequest,
  Mask,
  EmbedResponse,
  DecodeResponse,
  EmbeddingInfo,
  EverythingFields,
  EverythingRequest,
  EverythingResponse,
  CocoFile,
  ModelList,
  Status,
  Problem,
];

/** Collects the OpenAPI document from the routes that follow, and serves it as JSON and as a page. */
export async function documentRoutes(server: Server, version: string): Promise<void> {
  for (const schema of SHARED_SCHEMAS) server.addSchema(schema);
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'sam-split',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'Where the service has keys.' },
        },
      },
      tags: [
        { name: 'Images', description: 'The heavy part, once an image.' },
        {
          name: 'Masks',
          description: 'Points, boxes and masks in, masks out; and everything there is.',
        },
        {
          name: 'Models',
          description: 'What is served, and the decoder for clients that run it themselves.',
        },
        { name: 'Operation', description: 'Health and metrics.' },
      ],
      servers: [{ url: '/', description: 'This server' }],
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) => String(json['$id'] ?? `def-${i}`),
    },
  });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    // The page needs nothing from elsewhere, and must work over plain HTTP.
    staticCSP: {
      'default-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'style-src': ["'self'", "'unsafe-inline'"],
    },
  });
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger());
}
