import { metricsOf } from '../../outbox/relay-summary.js';
import { keyHash } from '../../dedup/key-hash.js';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import { tell } from '../../telemetry/tell.js';
import { outboxGauges } from './gauges.js';
import { PollingRelay, type PollingRelayOptions, type PollingRound } from './polling-relay.js';
import { using } from './port.js';

export interface ScheduledRelayOptions extends PollingRelayOptions {
  /** Name of the outbox: the dimension of its metrics. */
  readonly outboxName: string;
}

/** What is used of Lambda's context. */
export interface InvocationClock {
  getRemainingTimeInMillis(): number;
}

/** Part of an invocation that is kept for marks under way and the answer. */
const reserve = 0.2;

/**
 * A function on a schedule that sends what waits in a Postgres outbox, as long as its time lasts: what `PollingRelay`
 * guarantees. Two that overlap share the lanes.
 *
 * First it tells how the outbox stands, so that alarms see it also when sending fails: a line in CloudWatch's
 * embedded metric format, with the metrics `oldestUnsent` and `stuckStreams` of the namespace `ExactlyOnce/Outbox`.
 * Each refusal gets a line without payload and name.
 *
 * @throws what the database answers, so that the invocation fails and is counted. What was sent by then is marked, or
 *   sent again.
 */
export function scheduledRelay({ outboxName, ...options }: ScheduledRelayOptions) {
  const observe = (round: PollingRound): void => {
    logRound(outboxName, round);
    tell(options.observe, round);
  };
  const relay = new PollingRelay({ ...options, observe });
  return async (_event: unknown, context: InvocationClock): Promise<{ readonly sent: number }> => {
    const left = context.getRemainingTimeInMillis();
    const { oldestUnsentSeconds, stuckStreams } = await using(options.pool, async (connection) =>
      outboxGauges(
        { executeSql: async (text, values) => connection.query(text, [...values]) },
        options.schema,
      ),
    );
    const gauges = { oldestUnsent: oldestUnsentSeconds, stuckStreams };
    logLine({ exactlyOnce: 'outbox', outbox: outboxName, ...metricsOf(gauges) });
    return { sent: await relay.drain(left * (1 - reserve)) };
  };
}

function logRound(outbox: string, { by, sent, stuck, lagMs, failures }: PollingRound): void {
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
