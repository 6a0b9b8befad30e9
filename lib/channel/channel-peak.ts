import type { Construct } from 'constructs';
import { partitionsFor, type PeakNeed } from '../guarantees/peak-need.js';
import { plainWorkload, type ChannelWorkload } from './channel-workload.js';
import { figure, messagesPerCall } from './choice/limits.js';
import { highThroughputCalls, quotas } from './choice/quotas.js';

/**
 * How many partitions a high-throughput FIFO queue has at the peak. SQS makes them as the load grows, which takes
 * minutes, and puts a group into one of them: fewer groups than partitions cannot use them all.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/partitions-and-data-distribution.html
 */
export function channelPeak(
  scope: Construct,
  workload: ChannelWorkload,
  highThroughput: boolean,
): PeakNeed[] {
  if (!highThroughput) return [];
  const plain = plainWorkload(scope, workload);
  const perCall = messagesPerCall(plain);
  const calls = plain.peakPerSecond / perCall;
  const each = quotas.partitionCalls.value;
  const quota = highThroughputCalls(plain.region);
  const most = Math.floor(quota.value / each);
  const needed = partitionsFor(calls, each);
  return [
    {
      what: 'partitions of the queue',
      needed,
      how: `${figure(plain.peakPerSecond)} messages/s / ${perCall} in a call / ${each} ${quotas.partitionCalls.unit} of a partition`,
      has: `up to ${most} (${figure(quota.value)} ${quota.unit}), which SQS makes as the load grows`,
      enough: needed <= most,
    },
  ];
}
