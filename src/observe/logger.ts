import { destination, type Logger, pino } from 'pino';

/** The process's log: JSON lines. @param descriptor of standard output, or 2 for where errors go. */
export function createLogger(level: string, descriptor: 1 | 2 = 1): Logger {
  const output = destination(descriptor);
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
