import { metricsOf } from '../../outbox/relay-summary.js';
import { keyHash } from '../../dedup/key-hash.js';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import { outboxGauges } from './gauges.js';
import type { PollingRelayOptions, PollingRound } from './polling-relay.js';
import { using } from './port.js';

/** Writes a line of what one transaction has sent, and one for each refusal, without payload and name. */
export function tellRound(outbox: string, { by, sent, stuck, lagMs, failures }: PollingRound): void {
  for (const { stream, version, error } of failures.slice(0, 20))
    logLine({
      ...{ exactlyOnce: 'problem', outbox, streamHash: keyHash(stream), version },
      ...errorLine(error),
    });
  if (sent + stuck + failures.length > 0)
    logLine({
      exactlyOnce: 'relay',
      outbox,
      by,
      ...metricsOf({ sent, failed: failures.length, lag: lagMs }),
    });
}

/** Writes a line of how the outbox stands, with the metrics that the alarms of its relay look at. */
export async function tellGauges(
  outbox: string,
  { pool, schema }: Pick<PollingRelayOptions, 'pool' | 'schema'>,
): Promise<void> {
  const { oldestUnsentSeconds, stuckStreams } = await using(pool, async (connection) =>
    outboxGauges({ executeSql: async (text, values) => connection.query(text, [...values]) }, schema),
  );
  const gauges = { oldestUnsent: oldestUnsentSeconds, stuckStreams };
  logLine({ exactlyOnce: 'outbox', outbox, ...metricsOf(gauges) });
}
