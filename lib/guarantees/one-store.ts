import type { Violation } from './invalid-props.js';

/** Where receipts may be kept, as props say it. */
export interface StoreProps {
  readonly dedupTable?: unknown;
  readonly receiptsInPostgres?: boolean;
}

/** Receipts are kept in one place. */
export function storeViolations({ dedupTable, receiptsInPostgres = false }: StoreProps): Violation[] {
  if ((dedupTable === undefined) === receiptsInPostgres) return [];
  return [
    {
      id: 'one-store',
      given: receiptsInPostgres
        ? '`dedupTable` and `receiptsInPostgres` are both given'
        : 'neither `dedupTable` nor `receiptsInPostgres` is given',
      allowed: 'exactly one of them',
      change: 'give `dedupTable: new DedupTable(...)`, or `receiptsInPostgres: true` without a table',
    },
  ];
}

/** What cannot be seen at synth of receipts that are in a database. */
export const uncheckedInPostgres =
  'Not checked: that nobody else who keeps receipts in the database has this name, that its schema is migrated, and that something prunes it.';
