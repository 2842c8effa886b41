import closeWithGrace from 'close-with-grace';
import { createApp } from './app.js';
import { loadConfig } from './config.js';
import { StartupError } from './core/errors.js';
import { createLogger } from './observe/logger.js';

/** What cannot start says why in words, without a stack: the operator has to change something outside. */
function fail(error: unknown): never {
  const text = error instanceof StartupError ? error.message : error;
  console.error('sam-split cannot start:', text);
  process.exit(1);
}

const LOOPBACK = /^(127\.|::1$)/;

let ending = false;

try {
  const config = loadConfig(process.env);
  const logger = createLogger(config.LOG_LEVEL);
  const app = await createApp(config, logger);
  closeWithGrace({ delay: config.SAM_SHUTDOWN_MS, logger }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'failed');
    else logger.info({ signal }, 'draining');
    ending = true;
    await app.close();
  });
  await app.server.listen({ host: config.HOST, port: config.PORT });
  const open = app.server
    .addresses()
    .find((at) => typeof at !== 'string' && !LOOPBACK.test(at.address));
  if (open && !config.SAM_API_KEYS_FILE) {
    logger.warn(
      open,
      'whoever reaches this address may use everything: set SAM_API_KEYS_FILE, or HOST=127.0.0.1',
    );
  }
  await app.warmUp();
} catch (error) {
  // Whoever is told to end while it starts loses its workers under the start: that is no failure.
  if (!ending) fail(error);
}
