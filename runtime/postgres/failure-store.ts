import { randomUUID } from 'node:crypto';
import { backoff } from '../dedup/backoff.js';
import { CommitFailed } from '../dedup/errors.js';
import type { FailureStore, Recalled } from '../dedup/failure-store.js';
import type { History, Note } from '../dedup/history.js';
import type { Limits } from '../dedup/limits.js';
import type { PostgresPool } from './client.js';
import { ask } from './entry.js';
import { storableReason } from './own-statement.js';
import { PostgresGroupStore, readGroup } from './group-store.js';

/** SQS keeps no message longer than 14 days, so nobody asks about it afterwards. */
const life = "now() + interval '15 days'";
const maxTries = 6;

const histories =
  'SELECT message_id, excused, failed, alone, company, readable, parked, lettered, reason ' +
  'FROM exactly_once.histories WHERE consumer = $1 AND message_id = ANY($2::text[])';

/** Values: consumer, message, what is added to each count and flag, reason, survived. */
const noteOne = `INSERT INTO exactly_once.histories AS h
  (consumer, message_id, excused, failed, readable, lettered, reason, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, ${life})
ON CONFLICT (consumer, message_id) DO UPDATE SET
  excused = h.excused + excluded.excused, failed = h.failed + excluded.failed,
  readable = h.readable OR excluded.readable, lettered = h.lettered OR excluded.lettered,
  reason = coalesce(excluded.reason, h.reason), expires_at = excluded.expires_at,
  alone = CASE WHEN $8 THEN 0 ELSE h.alone END, company = CASE WHEN $8 THEN 0 ELSE h.company END`;

/**
 * Values: consumer, messages, company, whether it is of one, a random id. A lone start is counted once, however often
 * it is sent: two of them make a death, and a lost answer is none. In the order of their ids: two never wait
 * crosswise.
 */
const startAll = `INSERT INTO exactly_once.histories AS h (consumer, message_id, alone, company, start, expires_at)
SELECT $1, id, $4, $3, $5, ${life} FROM unnest($2::text[]) AS id ORDER BY id
ON CONFLICT (consumer, message_id) DO UPDATE SET
  alone = h.alone + CASE WHEN h.start = excluded.start THEN 0 ELSE excluded.alone END,
  company = excluded.company, start = excluded.start, expires_at = excluded.expires_at`;

/** Histories of messages and stopped groups, as rows of the schema `exactly_once`. */
export class PostgresFailureStore implements FailureStore {
  readonly groups: PostgresGroupStore;
  readonly #pool: PostgresPool;
  readonly #consumerName: string;

  constructor(pool: PostgresPool, consumerName: string) {
    this.#pool = pool;
    this.#consumerName = consumerName;
    this.groups = new PostgresGroupStore(pool, consumerName);
  }

  async recall(messages: readonly string[], streams: readonly string[], limits: Limits): Promise<Recalled> {
    const unread = new Set<string>();
    const read = async (names: readonly string[], text: string) => {
      if (names.length === 0) return [];
      try {
        return (await ask(this.#pool, limits, text, [this.#consumerName, names])).rows;
      } catch {
        // About those nothing is known: a group among them lets nothing pass (R48).
        for (const name of names) unread.add(name);
        return [];
      }
    };
    const [found, groupRows] = await Promise.all([
      read(messages, histories),
      read(streams, PostgresGroupStore.rows),
    ]);
    const groups = groupRows.flatMap((row) => {
      try {
        return [readGroup(row)];
      } catch {
        // A newer version of this library wrote it: as good as unread (R17).
        unread.add(String(row.stream));
        return [];
      }
    });
    return {
      histories: new Map(found.map((row) => [String(row.message_id), readHistory(row)])),
      groups: new Map(groups.map((group) => [group.stream, group])),
      unread,
    };
  }

  async note(notes: readonly Note[], limits: Limits): Promise<readonly Note[]> {
    const written = await Promise.all(notes.map((note) => this.#note(note, limits)));
    return notes.filter((_, i) => written[i] !== true);
  }

  /**
   * Too high or too low a count makes a message come again, and never lets it act twice: so it may be sent twice.
   */
  async #note({ id, kind, reason, survived = false }: Note, limits: Limits): Promise<boolean> {
    const values = [
      this.#consumerName,
      id,
      Number(kind === 'excused'),
      Number(kind === 'failed'),
      kind === 'readable',
      kind === 'lettered',
      storable(reason),
      survived,
    ];
    for (let tries = 1; Date.now() < limits.deadline && tries <= maxTries; tries += 1)
      try {
        await ask(this.#pool, limits, noteOne, values);
        return true;
      } catch {
        await backoff(tries, limits.deadline);
      }
    return false;
  }

  async start(messages: readonly string[], limits: Limits): Promise<void> {
    const values = [
      this.#consumerName,
      messages,
      messages.length,
      Number(messages.length === 1),
      randomUUID(),
    ];
    for (let tries = 1; ; tries += 1)
      try {
        await ask(this.#pool, limits, startAll, values);
        return;
      } catch (cause) {
        if (tries >= maxTries || Date.now() >= limits.deadline)
          throw new CommitFailed('suspects are not run before that is written down', { cause });
        await backoff(tries, limits.deadline);
      }
  }
}

function storable(reason: string | undefined): string | null {
  return reason === undefined ? null : storableReason(reason.slice(0, 1_000));
}

function readHistory(row: Readonly<Record<string, unknown>>): History {
  const count = (name: string) => Number(row[name]);
  return {
    excused: count('excused'),
    failed: count('failed'),
    alone: count('alone'),
    company: count('company'),
    readable: row.readable === true,
    parked: row.parked === true,
    ...(row.lettered === true && { gaveUp: typeof row.reason === 'string' ? row.reason : '' }),
  };
}
