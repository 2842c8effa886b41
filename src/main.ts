import closeWithGrace from 'close-with-grace';
import { type App, createApp } from './app.js';
import { loadConfig } from './config.js';
import { OperatorError } from './core/errors.js';
import { createLogger } from './observe/logger.js';

/** What cannot start says why in words, without a stack: the operator has to change something outside. */
async function fail(error: unknown): Promise<never> {
  const text = error instanceof OperatorError ? error.message : error;
  console.error('sam-split cannot start:', text);
  // Other workers may still be in native code, where the end of the process must not meet them.
  await app?.close();
  process.exit(1);
}

const LOOPBACK = /^(127\.|::1$)/;

let app: App | undefined;
let ending = false;

try {
  const config = loadConfig(process.env);
  const logger = createLogger(config.logLevel);
  const started = await createApp(config, logger);
  app = started;
  // It keeps the time itself: the process must not exit while a worker is in native code.
  closeWithGrace({ delay: false, logger }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'failed');
    else logger.info({ signal }, 'draining');
    ending = true;
    await started.drain();
    await started.close();
  });
  await started.server.listen(config.address);
  const open = started.server
    .addresses()
    .find((at) => typeof at !== 'string' && !LOOPBACK.test(at.address));
  if (open && !config.keysFile) {
    logger.warn(
      open,
      'anybody who reaches this address may use everything: set SAM_API_KEYS_FILE, or HOST=127.0.0.1',
    );
  }
  await started.warmUp();
} catch (error) {
  // A signal during the start ends the workers that the start needs: that is no failure.
  if (!ending) await fail(error);
}
