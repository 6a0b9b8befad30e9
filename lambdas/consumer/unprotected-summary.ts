import { logLine } from '../../runtime/telemetry/log-line.js';

/** The line that a protected consumer prints of a batch, for handlers that protect nothing. */
export function logUnprotected(processed: number, writeUnits: number, calls: number): void {
  const none = { duplicate: 0, rejected: 0, retry: 0, readUnits: 0 };
  logLine({ exactlyOnce: 'batch', consumer: 'unprotected', processed, ...none, writeUnits, calls });
}
