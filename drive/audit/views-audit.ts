import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { createHash } from 'node:crypto';
import type { Verdict } from './audit.js';
import type { DeadLetter } from './dead-letters.js';
import { AuditReadError } from '../drive-error.js';
import { some } from './some.js';
import { voidFindings } from './void.js';

/** One event of the outbox that tells of a settled payment. */
export interface SettledEvent {
  readonly customer: string;
  readonly version: bigint;
  readonly paymentId: string;
  readonly cents: bigint;
  readonly unsent: boolean;
}

/** What a reader of these events keeps of one customer. */
export interface ViewRow {
  readonly payments: bigint;
  readonly cents: bigint;
  /** Hash over the payments in the order in which they acted. */
  readonly trail: string;
}

export interface ViewsEvidence {
  readonly events: readonly SettledEvent[];
  /** How often each payment was settled, by its own row. */
  readonly settled: ReadonlyMap<string, bigint>;
  readonly views: ReadonlyMap<string, ViewRow>;
  readonly dead: readonly DeadLetter[];
  readonly leftInQueue: number;
}

export interface ViewsAudit {
  readonly verdict: Verdict;
  /** Settlements that had to be told. */
  readonly sent: number;
  /** Events that acted, doubles left out. */
  readonly effects: number;
  readonly lost: number;
  readonly doubled: number;
  readonly dead: number;
  readonly parked: number;
  readonly findings: readonly string[];
}

/**
 * Holds the outbox against the settlements, and each customer's view against the outbox. No figure of a view hangs on
 * a payment: an event that acts twice shows in the counts, one that acts before its turn in the trail.
 */
export function auditViews({ events, settled, views, dead, leftInQueue }: ViewsEvidence): ViewsAudit {
  const told = new Map<string, bigint>();
  const byCustomer = new Map<string, SettledEvent[]>();
  for (const event of events) {
    told.set(event.paymentId, (told.get(event.paymentId) ?? 0n) + 1n);
    byCustomer.set(event.customer, [...(byCustomer.get(event.customer) ?? []), event]);
  }
  const untold = [...settled].filter(([id, times]) => (told.get(id) ?? 0n) < times).map(([id]) => id);
  const invented = [...told].filter(([id, times]) => times > (settled.get(id) ?? 0n)).map(([id]) => id);
  const unsent = events.filter((event) => event.unsent).map(({ paymentId }) => paymentId);

  let [effects, lost, doubled] = [0, BigInt(untold.length), BigInt(invented.length)];
  const [short, surplus, gaps, order]: [string[], string[], string[], string[]] = [[], [], [], []];
  for (const customer of new Set([...byCustomer.keys(), ...views.keys()])) {
    const due = (byCustomer.get(customer) ?? []).sort((a, b) => (a.version < b.version ? -1 : 1));
    const view = views.get(customer) ?? { payments: 0n, cents: 0n, trail: '' };
    const count = BigInt(due.length);
    if (due.some(({ version }, index) => version !== BigInt(index + 1))) gaps.push(customer);
    effects += Number(view.payments < count ? view.payments : count);
    if (view.payments < count) {
      lost += count - view.payments;
      short.push(customer);
    } else if (view.payments > count) {
      doubled += view.payments - count;
      surplus.push(customer);
    } else if (view.cents !== due.reduce((sum, { cents }) => sum + cents, 0n) || view.trail !== trailOf(due))
      order.push(customer);
  }
  const findings = [
    some(untold, 'settled without an event: lost'),
    some(invented, 'told more often than they were settled: doubled'),
    some(unsent, 'still unsent in the outbox'),
    some(gaps, 'have events whose versions are not 1, 2, 3', 'customer'),
    some(short, 'have a view that lacks events: lost', 'customer'),
    some(surplus, 'have a view with too many events: doubled', 'customer'),
    some(order, 'have a view in another order, or with other amounts, than was settled', 'customer'),
    dead.length === 0 ? undefined : `${dead.length} events are in the dead-letter queue`,
    ...voidFindings({ sent: settled.size, effects, leftInQueue }),
  ].filter((finding) => finding !== undefined);
  return {
    verdict: findings.length === 0 ? 'exactly-once' : 'violated',
    ...{ sent: settled.size, effects, lost: Number(lost), doubled: Number(doubled) },
    ...{ dead: dead.length, parked: 0, findings },
  };
}

function trailOf(events: readonly SettledEvent[]): string {
  return events.reduce(
    (trail, { paymentId }) => createHash('sha256').update(`${trail} ${paymentId}`).digest('hex'),
    '',
  );
}

/** The outbox's events of settled payments, read consistently. @throws AuditReadError */
export async function readSettledEvents(client: DynamoDBClient, table: string): Promise<SettledEvent[]> {
  const rows = new Map<string, Record<string, AttributeValue>>();
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    // Beside events there are rows of the outbox's own.
    for (const item of Items)
      if (item['data'] !== undefined)
        rows.set(`${text(table, item, 'stream')} ${BigInt(text(table, item, 'version'))}`, item);
  return [...rows.values()]
    .filter((item) => text(table, item, 'type') === 'PaymentSettled')
    .map((item) => {
      const stream = text(table, item, 'stream');
      const version = BigInt(text(table, item, 'version'));
      const data = JSON.parse(text(table, item, 'data')) as { paymentId: string; cents: number };
      const before = rows.get(`${stream} ${version - 1n}`);
      return {
        customer: (JSON.parse(stream) as string[]).at(-1) ?? '',
        version,
        paymentId: data.paymentId,
        cents: BigInt(data.cents),
        unsent: version === 1n ? item['sent'] === undefined : before !== undefined && !before['expiration'],
      };
    });
}

/** One reader's views by customer, read consistently. @throws AuditReadError */
export async function readViews(
  client: DynamoDBClient,
  table: string,
  name: string,
): Promise<Map<string, ViewRow>> {
  const views = new Map<string, ViewRow>();
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    for (const item of Items)
      if (text(table, item, 'view') === name)
        views.set(text(table, item, 'customer'), {
          payments: BigInt(item['payments']?.N ?? 0),
          cents: BigInt(item['cents']?.N ?? 0),
          trail: item['trail']?.S ?? '',
        });
  return views;
}

function text(table: string, item: Record<string, AttributeValue>, attribute: string): string {
  const value = item[attribute]?.S;
  if (value === undefined) throw new AuditReadError(table, attribute, JSON.stringify(item));
  return value;
}
