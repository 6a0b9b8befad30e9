import { randomUUID } from 'node:crypto';
import { CommitFailed, NewerRow } from '../dedup/errors.js';
import type { Gate, GroupStore } from '../dedup/failure-store.js';
import type { Group, GroupHead, GroupPlace, PackedMessage } from '../dedup/group.js';
import type { Limits } from '../dedup/limits.js';
import type { PostgresPool } from './client.js';
import type { Connection } from './connection.js';
import { ask } from './entry.js';
import { rowVersion } from './receipts.js';
import { transact } from './transact.js';

/** Messages that are drained at a time. */
const drainSize = 10;

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readGroup(row: Readonly<Record<string, unknown>>): Group {
  return {
    ...(readFacts(row) as Omit<Group, 'stream' | 'state' | 'token'>),
    stream: String(row.stream),
    state: row.state as Group['state'],
    token: String(row.token),
  };
}

function readFacts(row: Readonly<Record<string, unknown>>): object {
  if (Number(row.v) > rowVersion) throw new NewerRow(String(row.stream), String(row.v), rowVersion);
  return JSON.parse(String(row.facts)) as object;
}

type Extra = (connection: Connection) => Promise<unknown>;

/** Groups that are stopped: a row for each, and rows for the messages that wait behind it. */
export class PostgresGroupStore implements GroupStore {
  /** Values: consumer, streams. */
  static readonly rows =
    'SELECT stream, state, token, v, facts FROM exactly_once.groups WHERE consumer = $1 AND stream = ANY($2::text[])';

  readonly #pool: PostgresPool;
  readonly #consumerName: string;

  constructor(pool: PostgresPool, consumerName: string) {
    this.#pool = pool;
    this.#consumerName = consumerName;
  }

  async readGate(limits: Limits): Promise<Gate | undefined> {
    const { rows } = await ask(this.#pool, limits, PostgresGroupStore.rows, [
      this.#consumerName,
      [gateStream],
    ]);
    // One that was written before there were states is open.
    return rows[0] && { state: 'open', from: 0, ...readFacts(rows[0]) };
  }

  async writeGate(gate: Gate, how: 'if-none' | 'over', limits: Limits): Promise<boolean> {
    // In the column it is always open: who looks for groups that stand still does not find it.
    const values = [this.#consumerName, gateStream, 'open', randomUUID(), JSON.stringify(gate)];
    const { rows } = await ask(
      this.#pool,
      limits,
      `${insertGroup} ${how === 'over' ? over : ifNone}`,
      values,
    );
    return rows.length > 0;
  }

  async read(stream: string, limits: Limits): Promise<Group | undefined> {
    const { rows } = await ask(this.#pool, limits, PostgresGroupStore.rows, [this.#consumerName, [stream]]);
    return rows[0] && readGroup(rows[0]);
  }

  /** Those that stand still, or are on their way back, oldest first. */
  async list(limits: Limits): Promise<readonly Group[]> {
    const text =
      "SELECT stream, state, token, v, facts FROM exactly_once.groups WHERE consumer = $1 AND state <> 'open'";
    const { rows } = await ask(this.#pool, limits, text, [this.#consumerName]);
    return rows.map(readGroup).sort((a, b) => a.since.localeCompare(b.since));
  }

  async stop(
    seen: Group | undefined,
    place: GroupPlace,
    at: { readonly head: GroupHead; readonly reason: string; readonly message: PackedMessage },
    limits: Limits,
  ): Promise<Group> {
    const { parked = 0 } = seen ?? {};
    const next = { ...place, ...stopped(at), parked: parked + 1, drained: parked };
    return this.#write(seen, next, limits, this.#parking(place.stream, parked, [at.message]));
  }

  async stopAt(
    seen: Group,
    nth: number,
    at: { readonly head: GroupHead; readonly reason: string },
    limits: Limits,
  ): Promise<Group> {
    const drained = seen.drained + nth - 1;
    return this.#write(seen, { ...seen, ...stopped(at), drained }, limits, this.#drained(seen, drained));
  }

  async park(seen: Group, messages: readonly PackedMessage[], limits: Limits): Promise<Group> {
    if (messages.length === 0) return seen;
    const next = { ...seen, parked: seen.parked + messages.length };
    return this.#write(seen, next, limits, this.#parking(seen.stream, seen.parked, messages));
  }

  async next({ stream, drained }: Group, limits: Limits): Promise<readonly string[]> {
    const { rows } = await ask(
      this.#pool,
      limits,
      'SELECT n::float8 AS n, record FROM exactly_once.parked WHERE consumer = $1 AND stream = $2 AND n > $3 ORDER BY n LIMIT $4',
      [this.#consumerName, stream, drained, drainSize],
    );
    // Only an unbroken beginning is in order.
    const texts = rows.filter(({ n }, i) => n === drained + 1 + i).map(({ record }) => String(record));
    if (texts.length === 0) throw new CommitFailed(`parking row ${drained + 1} of a group is not there`);
    return texts;
  }

  async advance(seen: Group, count: number, limits: Limits): Promise<Group> {
    const drained = seen.drained + count;
    return this.#write(seen, { ...seen, drained }, limits, this.#drained(seen, drained));
  }

  async passOver(seen: Group, retentionSeconds: number, limits: Limits): Promise<Group> {
    const drained = seen.drained + 1;
    const { stream, head, reason, decision } = seen;
    const facts = JSON.stringify({ head, reason, decision, since: new Date().toISOString() });
    return this.#write(seen, { ...seen, state: 'resuming', drained }, limits, async (connection) => {
      await connection.send(
        'INSERT INTO exactly_once.holes (consumer, stream, n, facts, expires_at) ' +
          "VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second')",
        [this.#consumerName, stream, drained, facts, retentionSeconds],
      );
      await this.#drained(seen, drained)(connection);
    });
  }

  async open(seen: Group, limits: Limits): Promise<Group> {
    const next = { ...seen, state: 'open' as const, drained: seen.parked };
    return this.#write(seen, next, limits, this.#drained(seen, seen.parked));
  }

  async decide(
    seen: Group,
    state: 'resuming' | 'skipping',
    decision: string,
    limits: Limits,
  ): Promise<Group> {
    return this.#write(seen, { ...seen, state, decision }, limits);
  }

  #parking(stream: string, parked: number, messages: readonly PackedMessage[]): Extra {
    return async (connection) => {
      for (const [i, { messageId, text }] of messages.entries()) {
        await connection.send(
          'INSERT INTO exactly_once.parked (consumer, stream, n, record) VALUES ($1, $2, $3, $4)',
          [this.#consumerName, stream, parked + i + 1, text],
        );
        // Its delivery may not be acknowledged in time: what comes again must not be parked again.
        await connection.send(
          "INSERT INTO exactly_once.histories (consumer, message_id, parked, expires_at) VALUES ($1, $2, true, now() + interval '15 days') " +
            'ON CONFLICT (consumer, message_id) DO UPDATE SET parked = true, expires_at = excluded.expires_at',
          [this.#consumerName, messageId],
        );
      }
    };
  }

  #drained({ stream }: Group, until: number): Extra {
    return async (connection) =>
      connection.send('DELETE FROM exactly_once.parked WHERE consumer = $1 AND stream = $2 AND n <= $3', [
        this.#consumerName,
        stream,
        until,
      ]);
  }

  /** One change under the token of the change before. */
  async #write(
    seen: Group | undefined,
    { stream, state, ...rest }: Omit<Group, 'token'>,
    limits: Limits,
    extra?: Extra,
  ): Promise<Group> {
    const token = randomUUID();
    // `rest` may have the token of the change before, which the row keeps in a column of its own.
    const facts = JSON.stringify({ ...rest, token: undefined });
    const values = [this.#consumerName, stream, state, token, facts];
    try {
      await transact(this.#pool, limits, async (connection) => {
        const { rows } =
          seen === undefined
            ? await connection.send(`${insertGroup} ${ifNone}`, values)
            : await connection.send(updateGroup, [...values, seen.token]);
        if (rows.length === 0)
          throw new CommitFailed('the group was changed meanwhile', { nothingWritten: true });
        await extra?.(connection);
      });
    } catch (cause) {
      if (cause instanceof CommitFailed) throw cause;
      throw new CommitFailed('the group was changed meanwhile, or is not known to be', { cause });
    }
    return { ...rest, stream, state, token };
  }
}

/** No group has it: the row says whether groups of the consumer may be stopped. */
const gateStream = '';

const insertGroup =
  'INSERT INTO exactly_once.groups (consumer, stream, state, token, facts) VALUES ($1, $2, $3, $4, $5)';
const ifNone = 'ON CONFLICT (consumer, stream) DO NOTHING RETURNING 1';
const over =
  'ON CONFLICT (consumer, stream) DO UPDATE SET token = excluded.token, facts = excluded.facts RETURNING 1';
const updateGroup =
  'UPDATE exactly_once.groups SET state = $3, token = $4, facts = $5 ' +
  'WHERE consumer = $1 AND stream = $2 AND token = $6 RETURNING 1';

function stopped({ head, reason }: { readonly head: GroupHead; readonly reason: string }) {
  return { state: 'stopped' as const, head, reason, since: new Date().toISOString(), decision: undefined };
}
