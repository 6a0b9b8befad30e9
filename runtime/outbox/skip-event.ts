import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { sequence } from '../dedup/sequence.js';
import { conditional, outboxRowThere } from '../dynamodb/conditions.js';
import { send } from '../dynamodb/send.js';
import type { OutboxAccess } from './outbox-access.js';
import type { Place } from './positions.js';
import { changeStuck, everyOther, nextFor, type StuckStream } from './stuck-streams.js';

/** What somebody has decided about an event that a target can never take. */
export interface SkippedEvent {
  /** Names of targets; `*` is every one that the list does not name. */
  readonly targets: readonly string[];
  readonly reason: string;
  readonly by: string;
}

/**
 * Passes over one event of a listed stream: these targets are sent what comes behind it, and never the event itself.
 * Kept with the event's row, before anything changes: who, when and why. Once more does no harm. A target that does
 * not stand at the event any more stays where it is: what somebody has asked meanwhile to have sent again is sent.
 *
 * @param entry as it was seen
 * @returns the entry as it is now; undefined: the stream has left the list
 * @throws ConditionalCheckFailedException when the row is not there; DependencyFailed when it is not known to be done
 */
export async function skipEvent(
  access: OutboxAccess,
  { stream, version }: Place,
  entry: StuckStream,
  { targets, reason, by }: SkippedEvent,
): Promise<StuckStream | undefined> {
  const condition = outboxRowThere();
  const at = new Date().toISOString();
  const note = {
    M: { targets: { L: targets.map((S) => ({ S })) }, reason: { S: reason }, by: { S: by }, at: { S: at } },
  };
  await send(
    access.client,
    new UpdateItemCommand({
      TableName: access.table,
      Key: { stream: { S: stream }, version: { S: sequence(String(version)) } },
      UpdateExpression: 'SET #skipped = list_append(if_not_exists(#skipped, :none), :note)',
      ExpressionAttributeNames: { ...condition.names, '#skipped': 'skipped' },
      ExpressionAttributeValues: { ':none': { L: [] }, ':note': { L: [note] } },
      ...conditional(condition),
    }),
    access.limits,
    'write',
  );
  const isMeant = (name: string) =>
    targets.includes(name) || (targets.includes(everyOther) && !entry.next.has(name));
  return changeStuck(access, stream, (now) => {
    if (now === undefined) return undefined;
    const names = new Set([...now.next.keys(), ...targets]);
    const next = [...names].map((name): [string, bigint] => {
      const stands = nextFor(now, name);
      // One that has moved meanwhile is past it, or is to be sent again what comes before it.
      return [name, isMeant(name) && stands === version ? version + 1n : stands];
    });
    return { ...now, next: new Map(next), due: Date.now(), tries: 0 };
  });
}
