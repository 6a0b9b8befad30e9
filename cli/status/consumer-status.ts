import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { listBlocked } from '../../runtime/dynamodb/blocked-effects.js';
import type { Group } from '../../runtime/dedup/group.js';
import { listGaps, type Gap } from '../../runtime/dynamodb/gaps.js';
import { listGroups } from '../../runtime/dynamodb/groups.js';
import { collected } from '../collected.js';
import type { NotKnown } from '../permission.js';
import { messagesOf, queueDepth } from '../queue-depth.js';
import { queueUrlOf } from '../queue-url.js';
import { redrivePolicy } from '../redrive-policy.js';
import { asked } from './ask.js';
import { listed, unknown, type StatusLine } from './status-line.js';

/** A consumer that status is about, as far as it is known. */
export interface ConsumerPlace {
  readonly consumerName: string;
  readonly dedupTable?: string;
  /** Where its dead letters are asked for when their queue is not known. */
  readonly queueUrl?: string;
  readonly deadLetterQueueUrl?: string;
}

interface Clients {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
}

/** What is to be said of one consumer. What is not known of it is not asked for, and said. */
export async function consumerStatus(
  { dynamodb, sqs }: Clients,
  place: ConsumerPlace,
  notKnown: NotKnown,
): Promise<StatusLine[]> {
  const { consumerName, dedupTable } = place;
  const lines: StatusLine[] = [];
  if (dedupTable !== undefined)
    lines.push(...(await tableStatus({ client: dynamodb, tableName: dedupTable }, consumerName, notKnown)));
  return [...lines, await deadLetterStatus(sqs, place, notKnown)];
}

async function tableStatus(
  table: { readonly client: DynamoDBClient; readonly tableName: string },
  of: string,
  notKnown: NotKnown,
): Promise<StatusLine[]> {
  const ask = <T>(what: string, list: () => AsyncIterable<T>) =>
    asked(notKnown, `${what} of '${of}'`, 'dynamodb:Query on the index attention', () => collected(list()));
  const groups = await ask('stopped groups', () => listGroups(table, of));
  const gaps = await ask('gaps', () => listGaps(table, of));
  const blocked = await ask('blocked effects', () => listBlocked(table, of));
  return [...groupLines(of, groups), gapLine(of, gaps), blockedLine(of, blocked)];
}

/** The effects of a consumer that wait for a person, wherever their leases are. */
export function blockedLine(
  of: string,
  blocked: readonly { readonly id: string; readonly since: string; readonly reason: string }[] | undefined,
  mend = 'blocked, unlock',
): StatusLine {
  return line(
    { of, what: 'blocked effects', mend, page: 'lease.md' },
    blocked?.map(({ id, since, reason }) => ({ what: id, since, reason })),
  );
}

/** What is missing of a consumer's aggregates, wherever that is kept. */
export function gapLine(
  of: string,
  gaps: readonly Pick<Gap, 'sequence' | 'stream' | 'since' | 'waiting'>[] | undefined,
  mend = 'gaps, skip-version',
): StatusLine {
  return line(
    { of, what: 'gaps', mend, page: 'runbook/gaps.md' },
    gaps?.map(({ sequence, stream, since, waiting }) => ({
      what: `version ${sequence} of ${stream}`,
      since,
      reason: `${waiting} waits for it`,
    })),
  );
}

/** The groups of a consumer that stand still, and what waits in them, wherever they are kept. */
export function groupLines(
  of: string,
  groups: readonly Omit<Group, 'token'>[] | undefined,
  mend = 'groups, resume, skip',
): StatusLine[] {
  const waiting = ({ parked, drained }: Omit<Group, 'token'>) => parked - drained;
  const common = { of, mend, page: 'runbook/stopped-groups.md' };
  const stopped = line(
    { ...common, what: 'stopped groups' },
    groups?.map((one) => ({
      what: `${one.group ?? one.stream} (${one.state}) at ${one.head.key ?? one.head.messageId}`,
      since: one.since,
      reason: one.reason,
    })),
  );
  const oldest = groups?.map(({ head }) => head.firstEnqueue).sort()[0];
  const parked: StatusLine =
    groups === undefined
      ? { ...common, what: 'parked events', ...unknown }
      : {
          ...{ ...common, what: 'parked events', since: oldest, details: [] },
          // Of an aggregate the later events are in its own item, and are not counted here.
          count: groups.reduce((sum, one) => sum + waiting(one), 0),
          needsPerson: groups.length > 0,
        };
  return [stopped, parked];
}

function line(
  about: Pick<StatusLine, 'of' | 'what' | 'mend' | 'page'>,
  details: StatusLine['details'] | undefined,
): StatusLine {
  if (details === undefined) return { ...about, ...unknown };
  return { ...about, ...listed(details), needsPerson: details.length > 0 };
}

async function deadLetterStatus(
  sqs: SQSClient,
  place: ConsumerPlace,
  notKnown: NotKnown,
): Promise<StatusLine> {
  const of = place.consumerName;
  const about = {
    ...{ of, what: 'dead letters', mend: 'dead-letters list, redrive' },
    page: 'runbook/dead-letters.md',
  };
  const what = `dead letters of '${of}'`;
  const count = await asked(notKnown, what, 'sqs:GetQueueAttributes', async () => {
    const url = await deadLetterQueueOf(sqs, place);
    if (url === undefined) notKnown.say(what, 'the dead-letter queue is not known, give --queue');
    return url === undefined ? undefined : messagesOf(await queueDepth(sqs, url));
  });
  if (count === undefined) return { ...about, ...unknown };
  return { ...about, count, needsPerson: count > 0, details: [] };
}

async function deadLetterQueueOf(
  sqs: SQSClient,
  { queueUrl, deadLetterQueueUrl }: ConsumerPlace,
): Promise<string | undefined> {
  if (deadLetterQueueUrl !== undefined || queueUrl === undefined) return deadLetterQueueUrl;
  const { deadLetters } = await redrivePolicy(sqs, queueUrl);
  return deadLetters && (await queueUrlOf(sqs, deadLetters));
}
