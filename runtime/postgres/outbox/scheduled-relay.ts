import { tell } from '../../telemetry/tell.js';
import { PollingRelay, type PollingRelayOptions, type PollingRound } from './polling-relay.js';
import { tellGauges, tellRound } from './tell-round.js';

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
    tellRound(outboxName, round);
    tell(options.observe, round);
  };
  const relay = new PollingRelay({ ...options, observe });
  return async (_event: unknown, context: InvocationClock): Promise<{ readonly sent: number }> => {
    const left = context.getRemainingTimeInMillis();
    await tellGauges(outboxName, options);
    return { sent: await relay.drain(left * (1 - reserve)) };
  };
}
