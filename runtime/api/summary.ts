import { createHash } from 'node:crypto';
import { logLine } from '../telemetry/log-line.js';

/** What became of a request. */
export type RequestOutcome =
  /** Acted, now. */
  | 'processed'
  /** Had acted before: the saved answer was sent again. */
  | 'replayed'
  /** Needs no key: GET, HEAD, OPTIONS. */
  | 'read'
  /** This layer did not take it: 400, 401, 405, 409, 422. */
  | 'refused'
  /** 5xx; nothing is known to be written, and the same key may be tried again. */
  | 'failed';

/** One request in figures. */
export interface RequestSummary {
  readonly api: string;
  readonly outcome: RequestOutcome;
  readonly status: number;
  /** SHA-256 of the key, first 16 hex digits; keys may be personal data. Absent when there is no key. */
  readonly keyHash?: string;
  /** Why it was refused or failed. */
  readonly error?: unknown;
  /** DynamoDB write units, as DynamoDB reported them; cancelled transactions report none. */
  readonly writeUnits: number;
  readonly readUnits: number;
  /** DynamoDB calls. */
  readonly calls: number;
  readonly conflicts: number;
}

export function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

/** The default observer: one JSON line per request, without payload and key. */
export function logRequest({ error, ...figures }: RequestSummary): void {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : error;
  logLine({ exactlyOnce: 'request', ...figures, error: text });
}
