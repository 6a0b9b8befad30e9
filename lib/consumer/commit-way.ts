import type { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { deployedTable } from '../dedup/deployed-table.js';
import { durationText } from '../guarantees/duration-text.js';
import type { Inequality } from '../guarantees/inequality.js';
import { nameText } from '../guarantees/name-text.js';
import type { Unproven } from '../guarantees/unproven.js';

/** How a handler commits: with which function of `exactly-once-aws/consumer` it is made. */
export enum CommitWay {
  /** `sqsConsumer`: any writes, in one transaction with a receipt. 2 write units per item, the receipt included. */
  TRANSACTION = 'TRANSACTION',

  /** `sqsInsertConsumer`: one new row, which is its own receipt. 1 write unit. */
  INSERT = 'INSERT',

  /**
   * `sqsAggregateConsumer`: folded into one item in the producer's order; the item holds the position. 1 write unit
   * per item and batch.
   */
  AGGREGATE = 'AGGREGATE',

  /**
   * No proof is kept: processing a message again, also later than its successors, changes nothing. Declared, not
   * checked.
   */
  NATURAL = 'NATURAL',

  /**
   * `postgresConsumer` of `exactly-once-aws/postgres`: one transaction in Postgres, with a receipt there. No write
   * unit of DynamoDB. `PostgresConsumer` wires it.
   */
  POSTGRES = 'POSTGRES',
}

/** Whether receipts, failures and stopped groups of a consumer are in its own Postgres. */
export function isInPostgres({ commitWay }: { readonly commitWay?: CommitWay }): boolean {
  return commitWay === CommitWay.POSTGRES;
}

/** Write units of a receipt, and of each item that the handler writes (up to 1 KB). */
export const writeUnits: Readonly<Record<CommitWay, { readonly receipt: number; readonly item: number }>> = {
  [CommitWay.TRANSACTION]: { receipt: 2, item: 2 },
  [CommitWay.INSERT]: { receipt: 0, item: 1 },
  [CommitWay.AGGREGATE]: { receipt: 0, item: 1 },
  [CommitWay.NATURAL]: { receipt: 0, item: 1 },
  [CommitWay.POSTGRES]: { receipt: 0, item: 0 },
};

/** Which rows are a proof themselves, and for how long they have to be. */
export interface ProofRowsOptions {
  readonly way: CommitWay;
  readonly effectTable?: ITable;
  /** Of the transaction way: where the row is that is the receipt. */
  readonly receiptTable?: ITable;
  /** Absent when it depends on a value that is known only at deployment. */
  readonly horizon?: Duration;
}

/** What is known, and what is not, of the rows that are a proof themselves. */
export function proofRows({ way, effectTable, receiptTable, horizon }: ProofRowsOptions): {
  inequalities: Inequality[];
  unproven: Unproven[];
} {
  if (way === CommitWay.NATURAL) return { inequalities: [], unproven: [naturally] };
  if (way === CommitWay.POSTGRES) return { inequalities: [], unproven: inTheDatabase };
  if (way === CommitWay.TRANSACTION && receiptTable === undefined) return { inequalities: [], unproven: [] };
  const [table, prop] =
    way === CommitWay.TRANSACTION ? [receiptTable, 'receiptTable'] : [effectTable, 'effectTable'];
  const name = table === undefined ? 'the table that the handler writes' : nameText(table, table.tableName);
  const kept = rowsAreKept(way, name, horizon);
  const timeToLive = table === undefined ? undefined : deployedTable(table)?.timeToLive;
  if (timeToLive === undefined)
    return {
      inequalities: [],
      unproven: [
        {
          id: 'proof-rows-never-expire',
          required: `${name} has no TTL`,
          check: `give \`${prop}\`; for a table that this app does not make, \`aws dynamodb describe-time-to-live\``,
        },
        kept,
      ],
    };
  return {
    inequalities: [
      {
        id: 'proof-rows-never-expire',
        prevents: 'a copy arrives after the row that would have told so has expired (doubled)',
        change: `take the TTL off the table, or give another \`${prop}\``,
        left: `TTL attribute of ${name} is ${timeToLive === '' ? 'none' : `'${timeToLive}'`}`,
        right: 'none',
        holds: timeToLive === '',
      },
    ],
    unproven: [kept],
  };
}

function rowsAreKept(way: CommitWay, name: string, horizon: Duration | undefined): Unproven {
  if (way === CommitWay.AGGREGATE)
    return {
      id: 'proof-rows-are-kept',
      required: `nobody deletes an item of ${name}: it holds the position; empty it instead`,
      check: 'who may delete from the table',
    };
  const time =
    horizon === undefined ? 'before the horizon is over' : `before ${durationText(horizon)} are over`;
  return {
    id: 'proof-rows-are-kept',
    required: `nobody deletes a row of ${name} ${time}: it is the receipt`,
    check: 'who may delete from the table',
  };
}

/** What a template does not say of a database. */
const inTheDatabase: Unproven[] = [
  {
    id: 'postgres-is-migrated',
    required: 'the tables of the schema exactly_once are those of this version, and the role may write them',
    check: '`npx exactly-once-aws postgres migrate --dry-run`',
  },
  {
    id: 'postgres-name-is-its-own',
    required: 'no other consumer of the database has the same `consumerName`',
    check: 'the consumers whose functions are given this database',
  },
];

const naturally: Unproven = {
  id: 'naturally-idempotent',
  required: 'each message may be processed twice, and in any order, with one and the same result',
  check: 'a test with `exactly-once-aws/testing` that delivers each message twice and in both orders',
};
