import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';

/** What became of a request. */
export type RequestOutcome =
  /** Acted, now. */
  | 'processed'
  /** Had acted before: the saved answer was sent again. */
  | 'replayed'
  /** Needs no key: GET, HEAD, OPTIONS. */
  | 'read'
  /** Not taken, by this layer (400, 401, 405, 409, 413, 415, 422) or for now by the handler (408, 425, 429). */
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
  /** Why it was refused or failed: what was thrown, or the kind of the problem and how many issues there were. */
  readonly error?: unknown;
  /** DynamoDB write units, as DynamoDB reported them; cancelled transactions report none. */
  readonly writeUnits: number;
  readonly readUnits: number;
  /** DynamoDB calls. */
  readonly calls: number;
  readonly conflicts: number;
}

/**
 * The default observer: one JSON line per request. Of an error it has the names, its own and its causes', and the
 * place that threw it. Messages are not in it: they may quote a key, a body or a caller (R59). An observer of your
 * own gets the whole error.
 */
export function logRequest({ error, ...figures }: RequestSummary): void {
  const said = error instanceof Error ? errorLine(error) : { error };
  logLine({ exactlyOnce: 'request', ...figures, ...said });
}
