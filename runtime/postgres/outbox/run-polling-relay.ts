import { once } from 'node:events';
import type { ClientConfig } from 'pg';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import { tell } from '../../telemetry/tell.js';
import { PollingRelay, type PollingRelayOptions, type PollingRound } from './polling-relay.js';
import type { RelayPool } from './port.js';
import { stayWoken, stoppedBy } from './stay-woken.js';
import { tellGauges, tellRound } from './tell-round.js';

/** A `Pool` of `pg`, in a process that stays. */
export interface StayingPool extends RelayPool {
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

export interface RunPollingRelayOptions extends PollingRelayOptions {
  /** Name of the outbox: the dimension of its metrics. */
  readonly outboxName: string;
  /** A `Pool` of `pg`, of `workers` + 2 connections; it may go through RDS Proxy. */
  readonly pool: StayingPool;
  /**
   * To the database itself, not through RDS Proxy, which LISTEN would pin: publications then wake the relay, when
   * `notified` is true in `outbox_control`.
   *
   * @default - none: it polls only
   */
  readonly connection?: ClientConfig;
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** How often it tells how the outbox stands, in milliseconds. @default 60000 */
  readonly tellMs?: number;
}

/** A database that is away makes an error of every poll: one of them has a line. */
const troubleMs = 5_000;

/**
 * The program of a relay that stays: polls, is woken by publications, and tells its metrics, until the signal. Then
 * it sends and marks what it has under way, 20 seconds of sending at most, gives its connections back and returns.
 * Any number of processes may run it: what `PollingRelay` guarantees.
 *
 * A database that goes away is polled until it is back. Once a minute there is a line in CloudWatch's embedded metric
 * format with the metrics `oldestUnsent` and `stuckStreams` of the namespace `ExactlyOnce/Outbox`; one with `sent`,
 * `failed` and `lag` for each transaction that sent something; and one for each refusal, without payload and name.
 *
 * @throws NotPolled when publishers leave it to change data capture; SchemaNotReady; and what the database answers
 *   when it cannot be reached at the start
 */
export async function runPollingRelay({
  outboxName,
  connection,
  signal,
  tellMs = 60_000,
  ...options
}: RunPollingRelayOptions): Promise<void> {
  const tellTrouble = troubleTeller(outboxName);
  const observe = (round: PollingRound): void => {
    tellRound(outboxName, round);
    if (round.error !== undefined) tellTrouble(round.error);
    tell(options.observe, round);
  };
  // A connection may end while nobody uses it: unheard, that would end the process.
  options.pool.on('error', tellTrouble);
  try {
    const relay = await new PollingRelay({ ...options, observe }).start();
    const pause = stoppedBy(signal, tellMs);
    const telling = (async () => {
      while (!pause.stopped) {
        await tellGauges(outboxName, options).catch(tellTrouble);
        await pause.over();
      }
    })();
    const { schema } = options;
    const waking =
      connection === undefined
        ? undefined
        : stayWoken(connection, relay, { signal, schema, tell: tellTrouble });
    if (!signal.aborted) await once(signal, 'abort');
    await Promise.all([relay.stop(), telling, waking]);
  } finally {
    options.pool.off('error', tellTrouble);
  }
}

function troubleTeller(outbox: string): (error: unknown) => void {
  let told = -Infinity;
  return (error) => {
    if (Date.now() - told < troubleMs) return;
    told = Date.now();
    const { code } = Object(error) as { readonly code?: unknown };
    logLine({
      exactlyOnce: 'problem',
      outbox,
      ...errorLine(error),
      ...(typeof code === 'string' && { code }),
    });
  };
}
