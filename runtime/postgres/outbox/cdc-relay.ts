import { createHash } from 'node:crypto';
import type { Client, ClientConfig } from 'pg';
import { InvalidSettings } from '../../dedup/errors.js';
import type { Sender } from '../../outbox/deliver.js';
import type { RelayTarget } from '../../outbox/targets/target.js';
import { observed } from '../../telemetry/observed.js';
import { sendRead, type SentBatch } from './cdc-send.js';
import { outboxNames, type OutboxNames } from './names.js';
import { importPg } from './packages.js';
import { keepPartitions } from './partitions.js';
import { senderOf } from './polling-relay.js';
import { using, type RelayPool } from './port.js';
import { readPosition, writePosition, type LogIdentity, type Position } from './position.js';
import { readLog } from './read-log.js';
import { lastDays } from './resend.js';
import { retryStuck } from './retry-stuck.js';
import { Pause, RoundClock } from './round-clock.js';
import type { FailedSend } from './send-fresh.js';
import { createSlot, dropSlot, identifyLog, readSlot, reasonToResend, type ResendReason } from './slot.js';

export interface CdcRelayOptions {
  /** Of a user with REPLICATION, to the database itself: no proxy hands on a replication connection. */
  readonly connection: ClientConfig;
  /** A `Pool` of `pg` to the same database. */
  readonly pool: RelayPool;
  readonly targets: readonly RelayTarget[];
  /**
   * Replication slot: lower-case letters, digits and '_'. It is made when it is not there. @default 'exactly_once'
   */
  readonly slot?: string;
  /** Schema of the outbox's tables. @default 'exactly_once' */
  readonly schema?: string;
  /** Makes the slot one that a standby is given, so that it outlives a failover. Needs Postgres 17. @default false */
  readonly failover?: boolean;
  /**
   * How long events are kept, and how far back they are sent once more when the slot was lost, in days. Consumers
   * must keep their receipts for at least as long (R36).
   *
   * @default 7
   */
  readonly retentionDays?: number;
  /** Most events that are sent in one go. @default 1000 */
  readonly batchEvents?: number;
  /** Bytes of data from which on they are sent. @default 8 MiB */
  readonly batchBytes?: number;
  /** How long a transaction waits for others to be sent with, in milliseconds. @default 5 */
  readonly lingerMs?: number;
  /**
   * How often the log of an idle database is given a message, so that it can be let go, in milliseconds. @default
   * 10000
   */
  readonly heartbeatMs?: number;
  /** Called for each batch, and for what went wrong. @default - nobody is told */
  readonly observe?: (news: CdcNews) => void;
}

/** What there is to tell of a relay. */
export interface CdcNews {
  readonly sent: number;
  /** Streams that were listed as stuck, or tried again. */
  readonly stuck: number;
  readonly failures: readonly FailedSend[];
  /** The last days are being sent once more, and why. */
  readonly resend?: ResendReason;
  /** It is the one that reads: another one stands by. */
  readonly leads?: boolean;
  /** It reads the log anew from its position. */
  readonly error?: unknown;
}

/**
 * Sends what is in a Postgres outbox to its targets, by change data capture: the commit itself brings the event, and
 * no row is marked. One relay of a slot reads, any number stand by.
 *
 * Guaranteed: what `PollingRelay` guarantees, in the order of commits. The position is made durable, in the database,
 * only when every target has what is before it, and only then the server is told that it may let the log go. A slot
 * that is new, lost, of another cluster or timeline, or ahead of the position is never gone on with in silence: the
 * events of the last `retentionDays` are sent once more first (R36). Consumers know them.
 *
 * Does not guarantee: that the log stays small. While no target takes anything, or no relay runs, the server keeps
 * it: set `max_slot_wal_keep_size`, and watch `slotGauges`.
 *
 * @throws InvalidSettings
 */
export class CdcRelay {
  readonly #names: OutboxNames;
  readonly #sender: Sender;
  readonly #slot: string;
  readonly #options: CdcRelayOptions;

  constructor(options: CdcRelayOptions) {
    this.#options = options;
    this.#names = outboxNames(options.schema);
    this.#sender = senderOf(options.targets);
    this.#slot = options.slot ?? 'exactly_once';
    if (!/^[a-z0-9_]{1,63}$/.test(this.#slot))
      throw new InvalidSettings([
        `slot must be 1 to 63 lower-case letters, digits and '_', got '${this.#slot}'`,
      ]);
  }

  /** Runs until it is stopped. What goes wrong is told to `observe`, and begins anew from the position. */
  start(): { stop(): Promise<void> } {
    const over = new AbortController();
    const pause = new Pause(1_000);
    const running = (async () => {
      while (!over.signal.aborted) {
        await this.#lead(over.signal, pause).catch((error: unknown) => this.#tell({ error }));
        await pause.over();
      }
    })();
    return {
      stop: async () => {
        over.abort();
        pause.stop();
        await running;
      },
    };
  }

  /** As the only one of this slot, for as long as this connection holds. */
  async #lead(signal: AbortSignal, pause: Pause): Promise<void> {
    const { Client } = await importPg();
    const holder = new Client(this.#options.connection);
    const over = new AbortController();
    const stop = () => over.abort();
    signal.addEventListener('abort', stop, { once: true });
    holder.on('error', stop);
    holder.on('end', stop);
    await holder.connect();
    try {
      while (!(await this.#takesTheLead(holder))) {
        await pause.over();
        if (over.signal.aborted) return;
      }
      this.#tell({ leads: true });
      const log = await identifyLog(this.#options.connection);
      const position = await this.#startingPoint(log, over.signal);
      if (position !== undefined && !over.signal.aborted) await this.#read(position, over);
    } finally {
      over.abort();
      signal.removeEventListener('abort', stop);
      await holder.end().catch(() => undefined);
    }
  }

  /** A lock of the session: the connection is a direct one. */
  async #takesTheLead(holder: Client): Promise<boolean> {
    const key = createHash('sha256').update(this.#slot).digest().readInt32BE(0);
    const { rows } = await holder.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS got', [
      this.#names.epochLock,
      key === 0 ? 1 : key,
    ]);
    return rows[0]?.got === true;
  }

  /** Where the log is read from, after whatever has to be sent once more. Undefined: it is over. */
  async #startingPoint(log: LogIdentity, signal: AbortSignal): Promise<Position | undefined> {
    const { pool, failover = false } = this.#options;
    const [slot, position] = await using(pool, async (connection) => [
      await readSlot(connection, this.#slot),
      await readPosition(connection, this.#names, this.#slot),
    ]);
    const reason = reasonToResend(slot, position, log);
    if (reason === undefined) return position;
    this.#tell({ resend: reason });
    if (slot?.lost !== undefined) await using(pool, async (one) => dropSlot(one, this.#slot));
    if (slot === undefined || slot.lost !== undefined) await createSlot(pool, this.#slot, failover, signal);
    const begun = await using(pool, async (connection) => readSlot(connection, this.#slot));
    for await (const rows of lastDays(pool, this.#names, this.#options.retentionDays ?? 7))
      if (signal.aborted || !(await this.#send(rows, async () => Promise.resolve(), signal)))
        return undefined;
    const start: Position = { ...log, end: begun?.confirmed ?? '0/0' };
    await using(pool, async (connection) =>
      writePosition(connection, this.#names, this.#slot, start, new Date()),
    );
    return start;
  }

  async #read(from: Position, over: AbortController): Promise<void> {
    const {
      connection,
      pool,
      batchEvents = 1_000,
      batchBytes = 8 * 1024 * 1024,
      lingerMs = 5,
    } = this.#options;
    const { heartbeatMs = 10_000, retentionDays = 7 } = this.#options;
    let readAt = Date.now();
    const timers = [
      every(heartbeatMs, async () => {
        if (Date.now() - readAt >= heartbeatMs)
          await using(pool, async (one) =>
            one.query("SELECT pg_logical_emit_message(true, 'exactly-once', '')"),
          );
      }),
      every(500, async () => this.#retry()),
      every(
        10 * 60_000,
        async () => using(pool, async (one) => keepPartitions(one, this.#names, retentionDays)),
        0,
      ),
    ].map((start) => start((error) => this.#tell({ error })));
    try {
      await readLog({
        ...{ connection, slot: this.#slot, names: this.#names, from, batchEvents, batchBytes, lingerMs },
        signal: over.signal,
        send: async ({ rows, position, committedAt }) => {
          readAt = Date.now();
          return this.#send(
            rows,
            async (one) => writePosition(one, this.#names, this.#slot, position, committedAt),
            over.signal,
          );
        },
      });
    } finally {
      await Promise.all(timers.map(async (stop) => stop()));
    }
  }

  async #send(
    rows: Parameters<typeof sendRead>[0],
    mark: Parameters<typeof sendRead>[4]['mark'],
    signal: AbortSignal,
  ): Promise<boolean> {
    return sendRead(rows, this.#options.pool, this.#names, this.#sender, {
      mark,
      isOver: () => signal.aborted,
      onTry: ({ sent, listed, failures }: SentBatch) => {
        if (sent + listed + failures.length > 0) this.#tell({ sent, stuck: listed, failures });
      },
    });
  }

  async #retry(): Promise<void> {
    const { tried, sent, failures } = await using(this.#options.pool, async (connection) =>
      retryStuck(connection, this.#names, this.#sender, new RoundClock(Date.now() + 20_000)),
    );
    if (tried > 0) this.#tell({ sent, stuck: tried, failures });
  }

  #tell(news: Partial<CdcNews>): void {
    const { observe } = this.#options;
    if (observe !== undefined) observed(observe, { ...{ sent: 0, stuck: 0, failures: [] }, ...news });
  }
}

/** Work that is done again and again, one after the other. */
function every(ms: number, work: () => Promise<unknown>, firstMs = ms) {
  return (onError: (error: unknown) => void) => {
    let stopped = false;
    let doing: Promise<unknown> = Promise.resolve();
    let timer = setTimeout(go, firstMs);
    function go(): void {
      doing = work()
        .catch(onError)
        .finally(() => {
          if (!stopped) timer = setTimeout(go, ms);
        });
    }
    return async () => {
      stopped = true;
      clearTimeout(timer);
      await doing;
    };
  };
}
