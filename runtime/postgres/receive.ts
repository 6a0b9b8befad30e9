import { randomUUID } from 'node:crypto';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId } from '../dedup/identity.js';
import { DependencyFailed, InvalidSettings } from '../dedup/errors.js';
import { valueText } from '../dedup/value-text.js';
import { within } from './own-statement.js';
import { judge, keepResult, readReceipt, takeReceipt, type ReceiptRow } from './receipts.js';
import type { SqlPort } from './sql-port.js';

/** Whose message it is, and what it says. */
export interface Identity {
  /** Stable name of who consumes; receipts belong to it (R1). */
  readonly consumerName: string;
  /** What the producer made: the same for every copy of a message. */
  readonly key: string;
  /** What two copies must agree on (R5): the body, as JSON holds it. */
  readonly payload: unknown;
  /** How long the receipt lives, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}

export type Received =
  | {
      readonly kind: 'first';
      /** Keeps what duplicates are to be given, in the same transaction. */
      keep(result: unknown): Promise<void>;
    }
  /** Its effects are durable. `result`: what the first one kept. */
  | { readonly kind: 'duplicate'; readonly result?: unknown };

/**
 * Takes the identity of a message in a transaction of your own: the receipt is committed with whatever else that
 * transaction writes, or neither. Call it first; act only on `first`.
 *
 * Guarantees: of all transactions that take one identity and commit, one is told `first`, at every isolation level,
 * and while the receipt exists. One that meets another which is still open waits for it. Under `repeatable read` and
 * `serializable` Postgres may then refuse it (SQLSTATE 40001): run the whole transaction again.
 *
 * Does not know whether your COMMIT was answered: when it was not, receive the message again, and see.
 *
 * @throws KeyReused when the key came before with another payload. Roll back.
 * @throws SchemaNotReady when the tables are not there, or older than this version needs. Roll back.
 * @throws NewerRow when a newer version of the library wrote the receipt. Roll back, and receive it again.
 */
export async function receive(
  port: SqlPort,
  { consumerName, key, payload, retentionSeconds }: Identity,
): Promise<Received> {
  if (!Number.isSafeInteger(retentionSeconds) || retentionSeconds <= 0)
    throw new InvalidSettings([`retentionSeconds must be a positive whole number, got ${retentionSeconds}`]);
  const draft = { id: receiptId(consumerName, key), fingerprint: fingerprintOf(payload) };
  const taking = [draft.id, draft.fingerprint, randomUUID(), retentionSeconds];
  const { rows } = await within(port, takeReceipt, taking);
  if (rows.length > 0)
    return {
      kind: 'first',
      async keep(result) {
        await within(port, keepResult, [valueText(result), draft.id]);
      },
    };
  const [row] = (await within(port, readReceipt, [draft.id])).rows;
  if (row === undefined)
    throw new DependencyFailed('the receipt was pruned meanwhile; run the transaction again');
  const outcome = judge(row as unknown as ReceiptRow, draft);
  if (outcome.kind === 'duplicate') return outcome;
  throw 'error' in outcome ? outcome.error : new TypeError(`a receipt cannot say ${outcome.kind}`);
}
