import { createApp } from './app.js';
import { loadConfig } from './config.js';
import type { Send } from './evaluate/service-client.js';
import { createLogger } from './observe/logger.js';

/** The service within this process, for commands: it listens nowhere. */
export interface InProcess {
  readonly send: Send;
  close(): Promise<void>;
}

/**
 * The service as the environment sets it up, alone and with nobody kept out.
 * @param models undefined for those of `SAM_MODELS`.
 * @throws OperatorError when a variable is wrong, or the models' files are missing
 */
export async function startInProcess(
  environment: NodeJS.ProcessEnv,
  models: readonly string[] | undefined,
): Promise<InProcess> {
  // Networks are loaded when they are first needed: one model comes after the other.
  const own = { SAM_MODELS_LOAD: 'first-use', ...(models && { SAM_MODELS: models.join() }) };
  const config = loadConfig({ LOG_LEVEL: 'warn', ...environment, ...own });
  const alone = {
    ...config,
    ...({ keysFile: undefined, shared: undefined, encode: 'local', traces: undefined } as const),
    http: { ...config.http, page: undefined, ratePerKey: 0, ratePerAddress: 0 },
  };
  const app = await createApp(alone, createLogger(config.logLevel, 2));
  await app.warmUp();
  return {
    async send({ method, path, type, body }) {
      const response = await app.server.inject({
        ...{ method, url: path },
        ...(type && { headers: { 'content-type': type } }),
        ...(body !== undefined && { payload: typeof body === 'string' ? body : Buffer.from(body) }),
      });
      const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
      return {
        status: response.statusCode,
        retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
        body: response.body,
      };
    },
    close: () => app.close(),
  };
}
