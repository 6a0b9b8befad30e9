import { DynamoDBClient, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { crashPoint } from '../dedup/crash-points.js';
import { InvalidSettings } from '../dedup/errors.js';
import { AcceptedRows } from './accepted-rows.js';
import type { RelaySettings } from './relay-settings.js';
import { logRelay, type RelayProblem, type RelaySummary } from './relay-summary.js';
import { readRow, rowId, type OutboxRow } from './row.js';
import { sendInOrder } from './send-in-order.js';
import { markSent } from './sent-mark.js';
import { keyOf, stillUnsent, unsentKeys } from './unsent-rows.js';

export interface OutboxRelayOptions extends RelaySettings {
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  /** Called once per run. @default - figures as CloudWatch metrics and a line per problem, on stdout */
  readonly observe?: (summary: RelaySummary) => void;
}

/** What a schedule sends; nothing of it is looked at. */
export interface ScheduledEvent {
  readonly Records?: undefined;
}

/** A Lambda handler for the stream of an outbox table with `ReportBatchItemFailures`, and for a schedule. */
export type OutboxRelay = (
  event: DynamoDBStreamEvent | ScheduledEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<DynamoDBBatchResponse>;

/** Time kept for the answer, and for calls that are under way. */
const answerMs = 2_000;
/** Most rows of one shard of the index that one sweep takes on. */
const sweptPerShard = 250;

/**
 * A Lambda handler that sends what is in an outbox to its targets.
 *
 * Invoked by the table's stream, it sends the new events. Invoked by a schedule, it sweeps: it sends what is still
 * unsent after the grace, because the stream lost it, gave it up, or was never there.
 *
 * Guarantees: an event whose commit succeeded is sent to every target that wants its type, at least once, and kept
 * until then; events of one group are sent one after the other, and those of one stream in the order of their
 * versions as far as one run sees them. An event of a commit that was rolled back does not exist.
 *
 * Does not guarantee: that an event is sent once, or never after a later one. A killed run, a sweep beside the
 * stream, or a batch that is given up can do either. A consumer that takes (source, epoch, aggregate, version) from
 * the event is exact and in order all the same; a target that is down holds up the groups of the events that it
 * should get.
 *
 * @throws InvalidSettings at start, when there is no target, or when two have the same name.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export function outboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { dynamodb = new DynamoDBClient({}), observe = logRelay, targets, table, graceSeconds } = options;
  const names = targets.map(({ name }) => name);
  if (names.length === 0) throw new InvalidSettings(['an outbox relay needs at least one target']);
  if (new Set(names).size < names.length)
    throw new InvalidSettings([`two targets of an outbox relay have one name: ${names.join(', ')}`]);
  const accepted = new AcceptedRows();

  const send = async (rows: readonly OutboxRow[], context: Parameters<OutboxRelay>[1]) => {
    const marks: Promise<void>[] = [];
    const sent = new Set<OutboxRow>();
    let [resent, unmarked, lagMs] = [0, 0, 0];
    const problems = await sendInOrder(rows, {
      targets,
      accepted,
      mayGoOn: () => context.getRemainingTimeInMillis() > answerMs,
      onSent: (row) => {
        sent.add(row);
        lagMs = Math.max(lagMs, Date.now() - row.at);
        const mark = markSent(dynamodb, options, row).then(
          (marked) => void (resent += marked === 'first' ? 0 : 1),
          // It is sent, that is what counts. The sweep sends and marks it again.
          () => void (unmarked += 1),
        );
        marks.push(mark);
      },
    });
    await Promise.all(marks);
    await crashPoint('after-mark');
    return {
      left: rows.filter((row) => !sent.has(row)),
      figures: { outbox: table, sent: sent.size, resent, unmarked, lagMs },
      problems: [...problems].map(([{ stream, version }, error]) => ({ stream, version, error })),
    };
  };

  const relay = async (records: readonly DynamoDBRecord[], context: Parameters<OutboxRelay>[1]) => {
    await crashPoint('batch-received');
    const { rows, numbers, unreadable } = rowsOf(records);
    // The sweep may have been faster. Whatever it has sent need not be sent again.
    const old = rows.filter(({ at }) => at < Date.now() - graceSeconds * 1000);
    const unsent = new Set(
      (await stillUnsent(dynamodb, table, old.map(keyOf))).map((item) => rowId(readRow(item))),
    );
    const due = rows.filter((row) => !old.includes(row) || unsent.has(rowId(row)));
    const { left, figures, problems } = await send(due, context);
    const failed = [
      ...left.flatMap((row) => numbers.get(row) ?? []),
      ...unreadable.map(({ number }) => number),
    ];
    observe({
      ...figures,
      by: 'stream',
      passed: rows.length - due.length,
      failed: failed.length,
      problems: [...problems, ...unreadable],
    });
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };

  const sweep = async (context: Parameters<OutboxRelay>[1]) => {
    const started = Date.now();
    const { keys, oldestAt = started } = await unsentKeys(dynamodb, table, {
      committedBefore: started - graceSeconds * 1000,
      perShard: sweptPerShard,
    });
    const { rows, problems: unreadable } = readable(await stillUnsent(dynamodb, table, keys));
    const { left, figures, problems } = await send(
      rows.sort((a, b) => a.at - b.at),
      context,
    );
    observe({
      ...figures,
      by: 'sweep',
      passed: keys.length - rows.length - unreadable.length,
      failed: left.length + unreadable.length,
      oldestUnsentSeconds: Math.floor(Math.max(0, started - oldestAt) / 1000),
      problems: [...problems, ...unreadable],
    });
    return { batchItemFailures: [] };
  };

  return (event, context) => (event.Records === undefined ? sweep(context) : relay(event.Records, context));
}

/** The rows that were inserted, each with the sequence number of its record. Marks and expiries are no news. */
function rowsOf(records: readonly DynamoDBRecord[]) {
  const rows: OutboxRow[] = [];
  const numbers = new Map<OutboxRow, string>();
  const unreadable: (RelayProblem & { readonly number: string })[] = [];
  for (const {
    eventName,
    dynamodb: { NewImage = {}, Keys = {}, SequenceNumber: number = '' } = {},
  } of records) {
    if (eventName !== 'INSERT') continue;
    try {
      const row = readRow(NewImage as Record<string, AttributeValue>);
      rows.push(row);
      numbers.set(row, number);
    } catch (error) {
      unreadable.push({ stream: Keys.stream?.S ?? '', version: Keys.version?.S ?? '', error, number });
    }
  }
  return { rows, numbers, unreadable };
}

function readable(items: readonly Record<string, AttributeValue>[]) {
  const rows: OutboxRow[] = [];
  const problems: RelayProblem[] = [];
  for (const item of items)
    try {
      rows.push(readRow(item));
    } catch (error) {
      problems.push({ stream: item.stream?.S ?? '', version: item.version?.S ?? '', error });
    }
  return { rows, problems };
}
