import { createHash } from 'node:crypto';

/** A key for a log line: SHA-256, first 16 hex digits. Keys may be personal data (R59). */
export function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}
