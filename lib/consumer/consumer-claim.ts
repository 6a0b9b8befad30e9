import type { Duration } from 'aws-cdk-lib';
import { durationText } from '../guarantees/duration-text.js';
import type { PathClaim } from '../guarantees/guarantee-claims.js';
import type { KeptRows } from '../guarantees/inequalities.js';
import { isKnown } from '../guarantees/inequality.js';
import { nameText } from '../guarantees/name-text.js';
import { CommitWay } from './commit-way.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';

/**
 * What the dedup table gets: a receipt for each message, or only what handlers claim with `once`, or only failures.
 * Where no receipt is kept, the effect is the proof.
 */
export function keptOf({
  commitWay = CommitWay.TRANSACTION,
  receiptTable,
}: IdempotentConsumerProps): KeptRows {
  if (commitWay === CommitWay.POSTGRES) return 'receipts';
  if (commitWay !== CommitWay.TRANSACTION) return 'failures';
  return receiptTable === undefined ? 'receipts' : 'claims';
}

/** How its messages act once, and what would break it. */
export function consumerClaim(
  props: IdempotentConsumerProps,
  receiptRetention: Duration,
  horizon: Duration | undefined,
): PathClaim {
  const { commitWay: way = CommitWay.TRANSACTION, receiptTable, effectTable } = props;
  const kept = text(receiptRetention, 'the time that is set at deployment');
  const needed = text(horizon, 'the horizon');
  switch (way) {
    case CommitWay.TRANSACTION:
      return receiptTable === undefined
        ? {
            identity: `key, receipt kept ${kept}`,
            way: 'effects and receipt in one transaction',
            brokenBy: [`a copy after ${kept}`, 'effects outside the transaction'],
          }
        : {
            identity: `key, the row in ${nameText(receiptTable, receiptTable.tableName)}`,
            way: 'effects and that row in one transaction',
            brokenBy: [`a row deleted within ${needed}`, 'effects outside the transaction'],
          };
    case CommitWay.INSERT:
      return {
        identity: `key of the new row${effectTable === undefined ? '' : ` in ${nameText(effectTable, effectTable.tableName)}`}`,
        way: 'the row is its own receipt',
        brokenBy: [`a row deleted within ${needed}`, 'other effects than the row'],
      };
    case CommitWay.AGGREGATE:
      return {
        identity: "the producer's version, kept in the item",
        way: 'folded into one item, on condition of its version',
        brokenBy: ['an item deleted', 'other effects than the item'],
      };
    case CommitWay.POSTGRES:
      return {
        identity: `key, receipt kept ${kept} in Postgres`,
        way: 'effects and receipt in one transaction of Postgres',
        brokenBy: [
          `a copy after ${kept}`,
          'effects outside the transaction',
          'a failover to a standby that lacks the commit',
        ],
      };
    case CommitWay.NATURAL:
      return {
        identity: 'none',
        way: 'no proof is kept: the handler is taken to be idempotent',
        brokenBy: ['a handler for which twice, or late, is not the same as once'],
      };
  }
}

function text(duration: Duration | undefined, otherwise: string): string {
  return duration !== undefined && isKnown(duration) ? durationText(duration) : otherwise;
}
