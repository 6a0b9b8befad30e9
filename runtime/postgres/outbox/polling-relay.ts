import { crashPoint } from '../../dedup/crash-points.js';
import { InvalidSettings } from '../../dedup/errors.js';
import { InstanceMemory } from '../../outbox/instance-memory.js';
import type { RelayTarget } from '../../outbox/targets/target.js';
import type { Sender } from '../../outbox/deliver.js';
import { TargetHealth } from '../../send/target-health.js';
import { tell } from '../../telemetry/tell.js';
import { begin, claimLanes, markSent, readUnsent, type UnsentEvent } from './claim.js';
import { laneCount, outboxNames, type OutboxNames } from './names.js';
import { using, type RelayConnection, type RelayPool } from './port.js';
import { keepPartitions } from './partitions.js';
import { NotPolled } from './relay-errors.js';
import { retryStuck } from './retry-stuck.js';
import { Pause, RoundClock } from './round-clock.js';
import { sendFresh, type FailedSend } from './send-fresh.js';
import { writeStuck } from './stuck.js';
import { byStream } from './works.js';

export interface PollingRelayOptions {
  /** A `Pool` of `pg`; it may go through RDS Proxy. The relay takes `workers` + 1 connections of it. */
  readonly pool: RelayPool;
  readonly targets: readonly RelayTarget[];
  /** Schema of the outbox's tables. @default 'exactly_once' */
  readonly schema?: string;
  /** Transactions at once. Each takes its share of the lanes. @default 2 */
  readonly workers?: number;
  /** Most events of one transaction. @default 1000 */
  readonly batchEvents?: number;
  /** Most bytes of their data, but for the first of each lane: what bounds the memory. @default 8 MiB */
  readonly batchBytes?: number;
  /** Pause when nothing was found, in milliseconds; a wake-up ends it. @default 200 */
  readonly pollMs?: number;
  /**
   * How long events are kept, in days: whole partitions are dropped when they are older and every event of them was
   * sent. At least what consumers keep their receipts for (R36).
   *
   * @default 7
   */
  readonly retentionDays?: number;
  /** Called after each transaction that found something, and for what went wrong. @default - nobody is told */
  readonly observe?: (round: PollingRound) => void;
}

/** One transaction of the relay. */
export interface PollingRound {
  readonly by: 'poll' | 'stuck';
  /** Events that every target that wants them has accepted. */
  readonly sent: number;
  /** Streams that were listed as stuck, or tried again. */
  readonly stuck: number;
  /** Longest time from an event's publication to its mark, in milliseconds. */
  readonly lagMs: number;
  readonly failures: readonly FailedSend[];
  /** Why it was rolled back: what it had sent is sent again. */
  readonly error?: unknown;
}

/** The loop of a relay that runs until it is stopped. */
export interface RunningRelay {
  /** Something may wait: ends a pause. */
  wake(): void;
  /** Ends what is under way, and gives its connections back. */
  stop(): Promise<void>;
}

/**
 * Sends what is in a Postgres outbox to its targets, by polling. Any number of relays may run: they share the lanes.
 *
 * Guaranteed: an event whose transaction committed is sent to every target that wants its type, at least once; n+1 of
 * an aggregate is never sent to a target before n was accepted, by whatever relay; an aggregate that a target refuses
 * waits at that target, and nobody waits for it. A transaction that stays open, whatever it has written, delays
 * nobody else: no horizon of transactions is waited for (R35). A relay that dies loses its lanes with its connection.
 *
 * Does not guarantee: that an event is sent once. A consumer that takes (source, epoch, kind, aggregate, version)
 * from the event is exact and in order all the same.
 */
export class PollingRelay {
  readonly #names: OutboxNames;
  readonly #sender: Sender;
  readonly #workers: number;
  readonly #options: PollingRelayOptions;

  /** @throws InvalidSettings */
  constructor(options: PollingRelayOptions) {
    this.#options = options;
    this.#names = outboxNames(options.schema);
    this.#sender = senderOf(options.targets);
    this.#workers = options.workers ?? 2;
    if (!(Number.isInteger(this.#workers) && this.#workers > 0 && this.#workers <= laneCount))
      throw new InvalidSettings([`workers of a relay must be 1 to ${laneCount}, got ${options.workers}`]);
  }

  /**
   * Sends until nothing waits any more, or no time is left.
   *
   * @param leftMs time that it may take. @default 60000
   * @returns how many events were sent
   * @throws NotPolled when publishers leave it to change data capture
   */
  async drain(leftMs = 60_000): Promise<number> {
    await this.#begin();
    const end = Date.now() + leftMs;
    const counts = await Promise.all(
      Array.from({ length: this.#workers }, async () => {
        let sum = 0;
        for (let found = -1; found !== 0 && Date.now() < end;) {
          const round = await this.#poll(end);
          if (round.error !== undefined) throw asError(round.error);
          sum += round.sent;
          found = round.found;
        }
        return sum;
      }),
    );
    const stuck = await this.#retry(end);
    return counts.reduce((sum, count) => sum + count, stuck.sent);
  }

  /** Runs until it is stopped. Errors are told to `observe`, and end nothing. @throws NotPolled */
  async start(): Promise<RunningRelay> {
    await this.#begin();
    const pause = new Pause(this.#options.pollMs ?? 200);
    const loops = [
      ...Array.from({ length: this.#workers }, () =>
        loop(pause, async () => {
          const { found, error } = await this.#poll(Date.now() + roundMs);
          return found > 0 && error === undefined;
        }),
      ),
      loop(pause, async () => {
        await this.#retry(Date.now() + roundMs);
        return false;
      }),
      loop(new Pause(maintenanceMs, pause), async () => {
        await using(this.#options.pool, async (connection) => this.#maintain(connection)).catch(
          (error: unknown) => this.#tell({ ...nothing('poll'), error }),
        );
        return false;
      }),
    ];
    return {
      wake: () => pause.wake(),
      stop: async () => {
        pause.stop();
        await Promise.all(loops);
      },
    };
  }

  async #begin(): Promise<void> {
    await using(this.#options.pool, async (connection) => {
      const { control } = this.#names;
      const { rows } = await connection.query(`SELECT polled FROM ${control}`);
      if (rows[0]?.['polled'] !== true) throw new NotPolled(control);
      await this.#maintain(connection);
    });
  }

  async #maintain(connection: RelayConnection): Promise<void> {
    await keepPartitions(connection, this.#names, this.#options.retentionDays ?? 7);
  }

  async #poll(end: number): Promise<PollingRound & { readonly found: number }> {
    const { batchEvents = 1_000, batchBytes = 8 * 1024 * 1024 } = this.#options;
    let found = 0;
    const round = await this.#round('poll', async (connection): Promise<PollingRound> => {
      const clock = new RoundClock(end);
      await begin(connection);
      const lanes = await claimLanes(connection, this.#names, Math.ceil(laneCount / this.#workers));
      const events =
        lanes.length === 0
          ? []
          : await readUnsent(connection, this.#names, lanes, { events: batchEvents, bytes: batchBytes });
      found = events.length;
      await crashPoint('batch-received');
      const { sentBelow, stuck, failures } = await sendFresh(byStream(events), this.#sender, clock);
      const sent = events.filter(({ streamId, row }) => row.version < (sentBelow.get(streamId) ?? 0n));
      await markSent(connection, this.#names, sent);
      await writeStuck(connection, this.#names, stuck);
      await connection.query('COMMIT');
      await crashPoint('after-mark');
      return { by: 'poll', sent: sent.length, stuck: stuck.length, lagMs: lagOf(sent), failures };
    });
    // A target that takes nothing leaves everything where it is: no reason to look again at once.
    return { ...round, found: round.sent + round.stuck > 0 ? found : 0 };
  }

  async #retry(end: number): Promise<PollingRound> {
    return this.#round('stuck', async (connection) => {
      const clock = new RoundClock(end);
      const { tried, sent, failures } = await retryStuck(connection, this.#names, this.#sender, clock);
      return { by: 'stuck', sent, stuck: tried, lagMs: 0, failures };
    });
  }

  async #round(
    by: PollingRound['by'],
    work: (connection: RelayConnection) => Promise<PollingRound>,
  ): Promise<PollingRound> {
    const round = await using(this.#options.pool, work).catch((error: unknown) => ({
      ...nothing(by),
      error,
    }));
    if (round.sent + round.stuck + round.failures.length > 0 || round.error !== undefined) this.#tell(round);
    return round;
  }

  #tell(round: PollingRound): void {
    tell(this.#options.observe, round);
  }
}

/** Longest that one transaction sends. */
const roundMs = 20_000;
const maintenanceMs = 10 * 60_000;

function nothing(by: PollingRound['by']): PollingRound {
  return { by, sent: 0, stuck: 0, lagMs: 0, failures: [] };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function lagOf(sent: readonly UnsentEvent[]): number {
  return sent.length === 0 ? 0 : Date.now() - Math.min(...sent.map(({ row }) => row.at));
}

async function loop(pause: Pause, work: () => Promise<boolean>): Promise<void> {
  while (!pause.stopped) {
    const seen = pause.wakes;
    if (!(await work())) await pause.over(seen);
  }
}

/** @throws InvalidSettings when there is no target, or when two have the same name */
export function senderOf(targets: readonly RelayTarget[]): Sender {
  const names = targets.map(({ name }) => name);
  if (names.length === 0) throw new InvalidSettings(['an outbox relay needs at least one target']);
  if (new Set(names).size < names.length)
    throw new InvalidSettings([`two targets of an outbox relay have one name: ${names.join(', ')}`]);
  return {
    targets,
    health: new Map(names.map((name) => [name, new TargetHealth()])),
    memory: new InstanceMemory(),
  };
}
