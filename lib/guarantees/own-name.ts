import type { IConstruct } from 'constructs';
import type { IDedupTable } from '../dedup/dedup-table-base.js';
import { claimant } from './claims.js';
import type { Inequality } from './inequality.js';

/**
 * A name whose receipts are found by it is one construct's on its table.
 *
 * @param named the prop and its value
 * @param namesake another construct that has the name on the table
 */
export function nameIsItsOwn(
  rule: Pick<Inequality, 'id' | 'prevents' | 'change'>,
  named: { readonly prop: string; readonly name: string },
  table: IConstruct,
  namesake: IConstruct | undefined,
): Inequality {
  const stated = `${named.prop} is '${named.name}'`;
  return {
    ...rule,
    left: namesake === undefined ? stated : `${stated}, which '${namesake.node.path}' has too`,
    right: `unique on the table '${table.node.path}'`,
    holds: namesake === undefined,
  };
}

/** Two consumers of one name on one table would have one set of receipts. */
export function consumerNameIsItsOwn(dedupTable: IDedupTable, consumerName: string): Inequality {
  const { table } = dedupTable;
  return nameIsItsOwn(
    {
      id: 'consumer-name-unique',
      prevents: 'one consumer takes the receipts of the other for its own and drops messages (lost)',
      change: 'give each consumer its own `consumerName`, or its own `dedupTable`',
    },
    { prop: 'consumerName', name: consumerName },
    dedupTable,
    claimant({ construct: table, name: table.tableName }, consumerName),
  );
}
