import { InvalidWrite } from '../dedup/errors.js';
import { conditions } from './conditions.js';
import { assertStampable, type StoredResult } from './receipt.js';
import type { ItemAddress } from './table.js';
import type { Write } from './write.js';

/**
 * @throws InvalidWrite when the handler has not made the row that is the receipt of its message, or that row cannot
 * be it.
 */
export function assertReceipt(
  at: ItemAddress,
  writes: readonly Write[],
  result: StoredResult | undefined,
): void {
  const row = writes.find(({ address }) => address.id === at.id);
  if (row?.kind !== 'put' || row.condition?.expression !== conditions.rowAbsent)
    throw new InvalidWrite(
      at.tableName,
      'the handler has not made the row that is the receipt of its message; make it with tx.insert, at the key that `receipt.key` gives',
    );
  assertStampable(at.tableName, row.item, row.bytes ?? 0, { result });
}
