import { destination, type Logger, pino } from 'pino';

/** The process's log: JSON lines on standard output. */
export function createLogger(level: string): Logger {
  const output = destination(1);
  // A log on a full disk loses lines; without a listener the first of them would end the process.
  output.on('error', () => {});
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}
