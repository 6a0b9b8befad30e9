import { PartitionRun } from './partition-run.js';
import { patiently } from './patience.js';
import type { PartitionSummary, SinkRunOptions } from './run-options.js';

/**
 * Reads partitions of a log and writes their changes into a sink, each exactly once, until it is told to stop.
 *
 * What is guaranteed hangs on no assignment: two processes may run on one partition, and one that was frozen may wake
 * up; the sink moves by compare-and-set, and who is too late reads on from where it stands. In memory there is at
 * most one batch of each partition.
 *
 * A change that comes again under a new offset is recognised by its position in the source. What has none (rows of a
 * snapshot) is written again when the snapshot is taken again: sinks that upsert then hold the same, S3 has it twice.
 *
 * @throws the first error of a partition, after the others have written what they had read: RecordRefused (without
 *   dead letters), RecordsMissing, DebeziumTooOld, SinkUnavailable or SourceUnavailable (beyond the patience).
 */
export async function runSink(options: SinkRunOptions): Promise<readonly PartitionSummary[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const { source, patienceMs } = options;
  // A log that is away when the run begins is waited for as later.
  const partitions = await patiently(() => source.partitions(), { patienceMs, signal });
  const runs = await Promise.allSettled(
    partitions.map(async (partition) => {
      try {
        return await new PartitionRun(options, partition, signal).run();
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  const failed = runs.find((run) => run.status === 'rejected');
  // The signal has the first one; the others may have failed for being stopped.
  if (failed !== undefined) throw stop.signal.reason as Error;
  return runs.flatMap((run) => (run.status === 'fulfilled' ? [run.value] : []));
}
