import { Size } from 'aws-cdk-lib';
import { figure } from '../channel/choice/limits.js';
import { isKnown } from '../guarantees/inequality.js';
import { atOnce, receiptPartitions } from '../guarantees/peak-lines.js';
import type { PeakNeed } from '../guarantees/peak-need.js';
import type { KafkaConsumerProps } from './kafka-consumer-props.js';

/**
 * What one event poller takes. There are never more of them than partitions.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html
 */
const poller = { bytesPerSecond: 5_000_000, invocations: 5 };

/** Partitions, pollers and partitions of the receipts that the declared peak needs, each with its arithmetic. */
export function kafkaPeak({ workload, onDemand, maximumPollers = 200 }: KafkaConsumerProps): PeakNeed[] {
  if (workload === undefined) return [];
  const { peakRecordsPerSecond: perSecond, consumerTimePerRecord, partitions, recordSize } = workload;
  const eachMs = consumerTimePerRecord.toMilliseconds();
  const needed = atOnce(perSecond, eachMs);
  const enough = partitions !== undefined && isKnown(partitions) ? partitions >= needed : undefined;
  const bytes = (recordSize ?? Size.kibibytes(1)).toBytes();
  return [
    {
      what: 'partitions of the topic',
      needed,
      how: `${figure(perSecond)} records/s x ${figure(eachMs)} ms, one batch of a partition at a time`,
      has: enough === undefined ? 'not known: `partitions` is not given' : `\`partitions\` ${partitions}`,
      ...(enough !== undefined && { enough }),
    },
    ...(onDemand === true ? [] : [pollers(perSecond, bytes, needed, maximumPollers)]),
    receiptPartitions(perSecond, 2, 'records'),
  ];
}

function pollers(perSecond: number, bytes: number, invocations: number, most: number): PeakNeed {
  const needed = Math.max(
    Math.ceil((perSecond * bytes) / poller.bytesPerSecond),
    Math.ceil(invocations / poller.invocations),
  );
  return {
    what: 'pollers',
    needed,
    how: `the larger of ${figure(perSecond)} records/s x ${figure(bytes)} bytes / 5 MB/s and ${invocations} invocations / ${poller.invocations} of a poller`,
    has: isKnown(most) ? `\`maximumPollers\` ${most}` : 'a limit that the deployment gives',
    ...(isKnown(most) && { enough: needed <= most }),
  };
}
