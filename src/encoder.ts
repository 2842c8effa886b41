import closeWithGrace from 'close-with-grace';
import { loadConfig } from './config.js';
import { OperatorError } from './core/errors.js';
import { createLogger } from './observe/logger.js';
import { createEncoder, type Encoder } from './parts/encoder.js';

let encoder: Encoder | undefined;
let ending = false;

/** Ends the process as a failure, once what it began is done. */
async function fail(): Promise<void> {
  if (ending) return;
  ending = true;
  await encoder?.close();
  process.exit(1);
}

try {
  const config = loadConfig(process.env);
  const logger = createLogger(config.logLevel);
  // Whoever runs it starts it anew, which mends that; meanwhile others take its jobs.
  const started = await createEncoder(config, logger, () => void fail());
  encoder = started;
  // It keeps the time itself: the process must not exit while a worker is in native code.
  closeWithGrace({ delay: false, logger }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'failed');
    else logger.info({ signal }, 'draining');
    ending = true;
    await started.close();
  });
  await started.start();
} catch (error) {
  // A signal during the start ends the workers that the start needs: that is no failure.
  if (!ending) {
    console.error(
      'the encode worker cannot start:',
      error instanceof OperatorError ? error.message : error,
    );
    await fail();
  }
}
