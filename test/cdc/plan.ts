import { MemoryLog, type TopicPartition } from '../../runtime/cdc/index.js';
import { ConnectorModel, type Committed } from './connector-model.js';
import { changeEvent, type Told } from './debezium-record.js';

export interface Plan {
  readonly seed: number;
  /** Rows that are inserted into `payments`, and never changed. About a tenth as many changes go to `accounts`. */
  readonly rows: number;
  /** Of the topics, in the order of {@link topics}: those of a real log stay as they are across processes. */
  readonly topicIds: readonly [string, string];
}

export const topics = ['shop.public.payments', 'shop.public.accounts'] as const;

/** What a Postgres has committed, and how a connector that was restarted many times has told it. */
export interface Planned {
  readonly log: MemoryLog;
  readonly payments: TopicPartition;
  readonly accounts: TopicPartition;
  /** Each row that was inserted, in the order of the log. */
  readonly inserted: readonly { readonly id: string; readonly v: string }[];
  /** What `accounts` holds in the end. */
  readonly balances: ReadonlyMap<string, number>;
  /** How many changes `accounts` has seen. */
  readonly changes: number;
  readonly duplicates: number;
}

interface Row {
  readonly to: TopicPartition;
  readonly told: Told;
}

/**
 * The same log in every process that is given the same plan: COPY (many rows of one LSN), inserts of 100 rows, two
 * long transactions whose LSNs interleave, updates, deletes with tombstones, holes in the offsets, and a connector
 * that begins again from an older place, in the middle of transactions, and with labels of older ones.
 */
export function planned({ seed, rows, topicIds }: Plan): Planned {
  const random = generator(seed);
  const log = new MemoryLog();
  const [payments] = log.create(topics[0], 1, topicIds[0]) as [TopicPartition];
  const [accounts] = log.create(topics[1], 1, topicIds[1]) as [TopicPartition];
  const inserted: { id: string; v: string }[] = [];
  const balances = new Map<string, number>();
  const history: Committed<Row>[] = [];
  let lsn = 1_000n;
  let commit = 900n;
  let changes = 0;
  const book = (): Told => {
    const id = `a${Math.floor(random() * 50)}`;
    const before = balances.get(id);
    changes += 1;
    if (before !== undefined && random() < 0.2) {
      balances.delete(id);
      return { op: 'd', before: { id, balance: before } };
    }
    const balance = (before ?? 0) + Math.floor(random() * 100) + 1;
    balances.set(id, balance);
    return { op: before === undefined ? 'c' : 'u', after: { id, balance } };
  };
  const pay = (): Told => {
    const row = { id: `p${inserted.length}`, v: `v${inserted.length}` };
    inserted.push(row);
    return { after: row };
  };
  while (inserted.length < rows) {
    const shape = random();
    const size = shape < 0.1 ? 400 : shape < 0.5 ? 100 : 1 + Math.floor(random() * 5);
    const base = lsn;
    const done = Array.from({ length: size }, (_, index): Row => {
      // COPY: one LSN for all. The LSNs of long transactions interleave: one begins before the other's end.
      const at = shape < 0.1 ? base : base + BigInt(2 * index + 2);
      return random() < 0.1
        ? { to: accounts, told: { ...book(), lsn: at } }
        : { to: payments, told: { ...pay(), lsn: at } };
    });
    // Commits only grow; the changes of the next transaction may lie before this commit.
    const end = base + BigInt(size * 2) + 1n;
    commit = end > commit ? end : commit + 1n;
    lsn = shape < 0.3 ? base + 1n : commit + 1n;
    history.push({ id: 700 + history.length, commit, changes: done });
  }
  const told = tellAll(log, history, random);
  return {
    log,
    payments,
    accounts,
    inserted,
    balances,
    changes,
    duplicates: told - inserted.length - changes,
  };
}

/** @returns how many changes were told, those that came again included */
function tellAll(log: MemoryLog, history: readonly Committed<Row>[], random: () => number): number {
  const connector = new ConnectorModel(history);
  const ends = new Map<TopicPartition, bigint>();
  const append = (to: TopicPartition, record: { key: unknown; value: unknown }) => {
    const offset = (ends.get(to) ?? 0n) + (random() < 0.05 ? 1n : 0n);
    log.append(to, { ...record, offset });
    ends.set(to, offset + 1n);
  };
  let count = 0;
  while (!connector.isDone) {
    const { change, transaction, ordinal, label } = connector.tell();
    const event = changeEvent({ ...change.told, commit: label, ordinal, txId: transaction.id });
    append(change.to, event);
    if (change.told.op === 'd') append(change.to, { key: event.key, value: null });
    count += 1;
    if (random() > 0.02) continue;
    // Of the last 150 at most one is stored, and one behind it was acknowledged when the slot was moved.
    const { toldSinceStart: since } = connector;
    const recent = Math.min(since, 150);
    const stored = since - 1 - Math.floor(random() * recent);
    connector.restart(stored, stored + Math.floor(random() * (since - stored)));
  }
  return count;
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
