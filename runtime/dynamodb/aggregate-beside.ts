import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { crashPoint } from '../dedup/crash-points.js';
import { rowKey, type AggregateEvent, type Folded, type PassOver } from '../dedup/fold.js';
import type { Parked, Stream } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import { slotOf } from '../dedup/stream.js';
import type { SeenAggregate } from './aggregate-item.js';
import { streamText } from './aggregate-place.js';
import { EarlyRows } from './early-rows.js';
import { Gaps } from './gaps.js';
import type { ItemAddress } from './table.js';
import { keyHash } from '../dedup/key-hash.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';

type Rows = Map<string, Parked | null>;

/** Rows that are emptied after one write, of those that nobody has read. A stream whose versions jump has few. */
const maxEmptied = 1_000n;

/** What is kept beside the items of aggregates, in the dedup table: events for which there is no room, and gaps. */
export class Beside {
  readonly #rows: EarlyRows;
  readonly #gaps: Gaps;
  readonly #consumerName: string;

  constructor(client: DynamoDBClient, tableName: string, consumerName: string) {
    this.#consumerName = consumerName;
    this.#rows = new EarlyRows(client, tableName, consumerName);
    this.#gaps = new Gaps(client, tableName, consumerName);
  }

  /**
   * Reads the rows that the fold asks for or, if it asks for none, makes those that it has no room for. Whether any
   * were read.
   */
  async fill<Event extends AggregateEvent>(
    address: ItemAddress,
    { overflow, wanted, after }: Folded<unknown, Event>,
    rows: Rows,
    limits: Limits,
  ): Promise<boolean> {
    // First what is asked for: with it those behind may be next, and need no row.
    if (wanted.length === 0) {
      const puts = overflow.map(({ stream, version, previous, fingerprint, carried }) => ({
        stream: streamText(address, stream),
        event: { version, fingerprint, carried, ...(previous !== undefined && { previous }) },
      }));
      const kept = await this.#rows.put(puts, limits);
      for (const [i, event] of overflow.entries())
        rows.set(rowKey(event.stream, slotOf(event)), kept[i] ?? null);
      await crashPoint('after-parking');
      return false;
    }
    for (const { stream, place } of wanted) {
      const to = after.ledger.get(stream)?.beyond ?? place;
      const found = await this.#rows.read(streamText(address, stream), place, to, limits);
      for (const [one, row] of found) rows.set(rowKey(stream, one), row);
    }
    return true;
  }

  /** What is kept in a row of its own at one place of a stream. */
  async kept(address: ItemAddress, stream: string, place: bigint, limits: Limits): Promise<Parked | null> {
    const found = await this.#rows.read(streamText(address, stream), place, place, limits);
    return found.get(place) ?? null;
  }

  /** Before the write: a gap that the ledger is about to call listed is on the list. */
  async listGaps(
    address: ItemAddress,
    before: SeenAggregate,
    after: Pick<SeenAggregate, 'ledger'>,
    limits: Limits,
  ): Promise<void> {
    for (const [stream, now] of after.ledger) {
      const was = before.ledger.get(stream);
      if (isNewlyListed(was, now)) await this.#gaps.list(gapOf(streamText(address, stream), now), limits);
    }
  }

  /** After the write: what has acted is kept no longer, and a gap that is closed is off the list. Best effort. */
  async settle(
    address: ItemAddress,
    before: SeenAggregate,
    after: SeenAggregate,
    passOver: PassOver | undefined,
    rows: Rows,
    limits: Limits,
  ): Promise<void> {
    for (const [id, now] of after.ledger) {
      const { position, listed } = now;
      const was = before.ledger.get(id);
      const past = new Set<bigint>();
      const beyond = was?.beyond ?? 0n;
      const from = (was?.position ?? position) + 1n;
      const to = [position, beyond, from + maxEmptied].reduce((least, one) => (one < least ? one : least));
      for (let place = from; place <= to; place += 1n) past.add(place);
      for (const [key, row] of rows)
        if (row !== null && row.version <= position && key === rowKey(id, slotOf(row))) past.add(slotOf(row));
      if (passOver?.stream === id && slotOf(passOver) <= beyond) past.add(slotOf(passOver));
      const stream = streamText(address, id);
      await this.#rows.done(stream, [...past], limits);
      if (was?.listed && !listed) await this.closeGap(address, id, limits);
      // After the write, because one that loses a race lists the same gap again.
      if (isNewlyListed(was, now))
        logLine({
          exactlyOnce: 'gap',
          consumer: this.#consumerName,
          streamHash: keyHash(stream),
          sequence: String(position + 1n),
        });
    }
  }

  /**
   * Takes a gap off the list. Where that fails it stays listed; passing it over finds nothing to do, and tries again.
   */
  async closeGap(address: ItemAddress, stream: string, limits: Limits): Promise<void> {
    try {
      await this.#gaps.close(streamText(address, stream), limits);
    } catch (error) {
      logLine({
        exactlyOnce: 'gap still listed',
        ...errorLine(error),
      });
    }
  }
}

function isNewlyListed(was: Stream | undefined, now: Stream): boolean {
  return now.listed === true && !(was?.listed && was.position === now.position);
}

function gapOf(stream: string, { position, parked, beyond = 0n, since = 0 }: Stream) {
  return {
    stream,
    sequence: String(position + 1n),
    waiting: String(parked[0]?.version ?? beyond),
    since: new Date(since * 1000).toISOString(),
  };
}
