import type { Migration } from './migration.js';

/** Tables of the receipts by the hash of their id: each is vacuumed and rebuilt by itself. */
export const receiptParts: readonly string[] = Array.from({ length: 8 }, (_, i) => `receipts_${i}`);

/**
 * Receipts: an identity, once. Not in parts by day, though those would be dropped for nothing: the unique index that
 * makes an identity exist once must hold the column of the parts, so an index by (day, id) would take the same id on
 * two days. What is over is deleted in batches instead (`pruneReceipts`); a BRIN index finds it, which costs next to
 * nothing, because rows come in the order in which they expire.
 *
 * `C`: two ids are one only if their bytes are, in whatever language the database sorts.
 */
export const receipts: Migration = {
  version: 1,
  name: 'receipts',
  sql: `
CREATE TABLE exactly_once.receipts (
  id text COLLATE "C" PRIMARY KEY,
  fingerprint text NOT NULL,
  token uuid NOT NULL,
  result text,
  v smallint NOT NULL DEFAULT 1,
  processed_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
) PARTITION BY HASH (id);
CREATE INDEX receipts_expires_at ON exactly_once.receipts USING brin (expires_at);
${receiptParts
  .map(
    (part, i) =>
      `CREATE TABLE exactly_once.${part} PARTITION OF exactly_once.receipts FOR VALUES WITH (MODULUS ${receiptParts.length}, REMAINDER ${i});`,
  )
  .join('\n')}
`,
};
