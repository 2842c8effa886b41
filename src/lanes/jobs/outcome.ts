import {
  DeviceLost,
  type ErrorCode,
  OperatorError,
  SamError,
  type Violation,
} from '../../core/errors.js';

/** What a client hears whose work met the end of a device. */
const GONE = 'the device that networks run on is lost to this server, which has to be started anew';
const GONE_RETRY_S = 30;

/**
 * What a job sends back. Errors cross a thread as their message alone, so the ones a client or an
 * operator is to see travel as data; any other is thrown and stays an internal error.
 */
export type Outcome<T> =
  | { readonly value: T }
  | { readonly refused: { code: ErrorCode; message: string; violations: readonly Violation[] } }
  | { readonly startup: string }
  | { readonly deviceLost: string };

/** Runs a job in its worker. */
export async function settle<T>(job: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await job() };
  } catch (error) {
    if (error instanceof SamError) {
      const { code, message, violations } = error;
      return { refused: { code, message, violations } };
    }
    if (error instanceof DeviceLost) return { deviceLost: error.message };
    if (error instanceof OperatorError) return { startup: error.message };
    throw error;
  }
}

/** Takes a job's answer on the other side. @throws the error the job threw */
export function unwrap<T>(outcome: Outcome<T>): T {
  if ('refused' in outcome) {
    const { code, message, violations } = outcome.refused;
    throw new SamError(code, message, { violations });
  }
  if ('startup' in outcome) throw new OperatorError(outcome.startup);
  if ('deviceLost' in outcome) throw new SamError('overloaded', GONE, { retryAfter: GONE_RETRY_S });
  return outcome.value;
}
