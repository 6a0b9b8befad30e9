import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import type { Verdict } from './audit.js';
import type { DeadLetter } from './dead-letters.js';
import { AuditReadError } from '../drive-error.js';
import { notPoison, some } from './some.js';
import { voidFindings } from './void.js';

/** One event, written down before it was first sent. */
export interface ActivityEntry {
  readonly eventId: string;
  /** Kind and hour, `buy#1997-01-01T00`. */
  readonly counter: string;
}

export interface ActivityEvidence {
  readonly journal: AsyncIterable<ActivityEntry>;
  /** Events counted, by kind and hour: see readCounters. */
  readonly counters: ReadonlyMap<string, bigint>;
  readonly dead: readonly DeadLetter[];
  /**
   * Ids of what was sent to end among the dead letters. A letter of anything else is a finding, whatever its reason.
   *
   * @default - none
   */
  readonly poison?: ReadonlySet<string>;
  readonly leftInQueue: number;
}

export interface ActivityAudit {
  readonly verdict: Verdict;
  /** Events in the journal. */
  readonly sent: number;
  /** Events that were counted, doubles left out. */
  readonly effects: number;
  /** What the counters lack. */
  readonly lost: number;
  /** What the counters have too much. */
  readonly doubled: number;
  /** Events dead-lettered with a reason. */
  readonly dead: number;
  readonly parked: number;
  readonly findings: readonly string[];
}

/**
 * Holds each kind and hour against the journal. Counters hang on no event, so a second effect shows as one too many;
 * a lost and a doubled event of one kind and hour hide each other, those of different ones do not.
 */
export async function auditActivity(evidence: ActivityEvidence): Promise<ActivityAudit> {
  const reasoned = new Set(
    evidence.dead.filter(({ reason }) => reason !== undefined).map(({ id }) => id ?? '(no id)'),
  );
  const died = new Set<string>();
  const expected = new Map<string, bigint>();
  let sent = 0;
  for await (const { eventId, counter } of evidence.journal) {
    sent += 1;
    if (reasoned.has(eventId)) died.add(eventId);
    else expected.set(counter, (expected.get(counter) ?? 0n) + 1n);
  }
  let [effects, lost, doubled] = [0n, 0n, 0n];
  const [short, surplus]: [string[], string[]] = [[], []];
  for (const counter of new Set([...expected.keys(), ...evidence.counters.keys()])) {
    const due = expected.get(counter) ?? 0n;
    const found = evidence.counters.get(counter) ?? 0n;
    effects += found < due ? found : due;
    if (found < due) short.push(counter);
    if (found > due) surplus.push(counter);
    lost += found < due ? due - found : 0n;
    doubled += found > due ? found - due : 0n;
  }
  const strays = evidence.dead
    .filter(({ id = '(no id)', reason }) => reason === undefined || !died.has(id))
    .map(({ id = '(no id)' }) => id);
  const findings = [
    some(short, `counted too few events, ${lost} in all: lost`, 'hour'),
    some(surplus, `counted too many events, ${doubled} in all: doubled`, 'hour'),
    some(
      [...died].filter((id) => !evidence.poison?.has(id)),
      notPoison,
      'message',
    ),
    ...voidFindings({ sent, effects: Number(effects), leftInQueue: evidence.leftInQueue }),
    some(strays, 'in the dead-letter queue without a reason, or of an event that was never sent', 'message'),
  ].filter((finding) => finding !== undefined);
  return {
    verdict: findings.length === 0 ? 'exactly-once' : 'violated',
    ...{ sent, effects: Number(effects), lost: Number(lost), doubled: Number(doubled) },
    ...{ dead: died.size, parked: 0, findings },
  };
}

/**
 * Sums the shards of each kind and hour, with consistent reads. Rows are named `<kind>#<hour>#<shard>`.
 *
 * @throws AuditReadError when a row's name is of another form or its count no integer
 */
export async function readCounters(client: DynamoDBClient, table: string): Promise<Map<string, bigint>> {
  const counters = new Map<string, bigint>();
  for await (const page of paginateScan({ client }, { TableName: table, ConsistentRead: true })) {
    for (const item of page.Items ?? []) {
      const counter = /^([a-z]+#\d{4}-\d{2}-\d{2}T\d{2})#\d+$/.exec(item['counter']?.S ?? '')?.[1];
      const events = item['events']?.N ?? '';
      if (counter === undefined) throw new AuditReadError(table, 'counter', JSON.stringify(item));
      if (!/^-?\d+$/.test(events)) throw new AuditReadError(table, 'events', JSON.stringify(item));
      counters.set(counter, (counters.get(counter) ?? 0n) + BigInt(events));
    }
  }
  return counters;
}
