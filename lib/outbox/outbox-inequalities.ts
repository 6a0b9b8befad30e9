import { Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { claimant } from '../guarantees/claims.js';
import { durationText } from '../guarantees/duration-text.js';
import { receiptsKeptBy } from '../guarantees/kept-receipts.js';
import { atLeast, isKnown, wholeBetween, type Inequality } from '../guarantees/inequality.js';
import type { RelayTargetConfig } from './relay-target.js';

/** What a relay's inequalities compare. */
export interface RelayValues {
  readonly maxRecordAge: Duration;
  readonly timeout: Duration;
  readonly sweepInterval: Duration;
  readonly batchSize: number;
  readonly retryAttempts: number;
  /** Who relays the outbox already, if anybody. */
  readonly other?: IConstruct;
}

/**
 * DynamoDB keeps the records of a stream for 24 hours:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */
const streamRetention = Duration.hours(24);

/** A stream's reader gives a record up while it can still be kept. Undefined where the age is a token. */
export function givesUpBeforeTheStream(maxRecordAge: Duration): Inequality | undefined {
  if (!isKnown(maxRecordAge)) return undefined;
  return {
    id: 'relay-gives-up-before-the-stream',
    prevents: 'records expire unseen, without a trace of what was wrong with them',
    change: 'lower `maxRecordAge`',
    left: `maxRecordAge is ${durationText(maxRecordAge)}`,
    right: `at least 1 minute and less than ${durationText(streamRetention)}, for which DynamoDB keeps a stream`,
    holds: maxRecordAge.toSeconds() >= 60 && maxRecordAge.toSeconds() < streamRetention.toSeconds(),
  };
}

/** A batch that always fails does not hold up its shard to the end of the stream. */
export function givesUp(retryAttempts: number): Inequality | undefined {
  return wholeBetween(
    {
      id: 'relay-gives-up',
      prevents: 'one batch that cannot be marked holds up all others for a day',
      change: 'change `retryAttempts`',
    },
    { name: 'retryAttempts', value: retryAttempts },
    0,
    10_000,
  );
}

/** What must hold between an outbox's stream, its relay and its sweep. docs/guarantees.md explains each by its id. */
export function relayInequalities(values: RelayValues): Inequality[] {
  const { maxRecordAge, timeout, sweepInterval, batchSize, retryAttempts, other } = values;
  const inequalities: (Inequality | undefined)[] = [
    givesUpBeforeTheStream(maxRecordAge),
    atLeast(
      {
        id: 'sweeps-do-not-overlap',
        prevents: 'two sweeps send the same events at once, again and again',
        change: 'raise `sweepInterval` or lower `timeout`',
      },
      { name: 'sweepInterval', value: sweepInterval },
      { name: 'timeout', value: timeout },
    ),
    wholeBetween(
      {
        id: 'relay-batch',
        prevents: 'a batch that does not fit its time comes again and again',
        change: 'change `batchSize`',
      },
      { name: 'batchSize', value: batchSize },
      1,
      1000,
    ),
    givesUp(retryAttempts),
    {
      id: 'one-relay-per-outbox',
      prevents: 'one relay marks events as sent that the other has not sent (lost)',
      change: 'give all targets to one relay, or give each its own outbox',
      left: other === undefined ? '1 relay' : `'${other.node.path}' relays the outbox, too`,
      right: 'one relay per outbox',
      holds: other === undefined,
    },
  ];
  return inequalities.filter((inequality) => inequality !== undefined);
}

/**
 * What must hold between an outbox and whoever consumes a channel that it is relayed to. Known when the tree is
 * complete: consumers come in any order.
 */
export function consumersOutlive(
  outbox: { readonly path: string; readonly retention: Duration },
  targets: readonly RelayTargetConfig[],
): Inequality[] {
  return targets.flatMap(({ channel }) => {
    if (channel === undefined) return [];
    const { queue } = channel;
    const consumer = claimant({ construct: queue, name: queue.queueName }, 'messages');
    if (consumer === undefined) return [];
    const receipts = receiptsKeptBy(consumer);
    if (receipts === undefined) return [];
    const inequality = atLeast(
      {
        id: 'receipts-outlive-the-outbox',
        prevents: 'an event that is sent again from the outbox finds its receipt expired (doubled)',
        change: `raise \`receiptRetention\` of '${consumer.node.path}' or lower \`retention\` of '${outbox.path}' (R36)`,
      },
      { name: `receiptRetention of '${consumer.node.path}'`, value: receipts },
      { name: `retention of '${outbox.path}'`, value: outbox.retention },
    );
    return inequality === undefined ? [] : [inequality];
  });
}
