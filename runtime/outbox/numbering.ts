import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { versionFree } from '../dynamodb/conditions.js';
import type { Limits } from '../dedup/limits.js';
import type { Numbering, Publication } from '../dynamodb/publication.js';
import type { ItemAddress } from '../dynamodb/table.js';
import type { Write } from '../dynamodb/write.js';
import { countsOf, now, typesText, type Count } from './counts.js';
import { storedCount } from './stored-count.js';
import { eventItem, streamText, type StoredEvent, type StreamName } from './row.js';

/** An event that is to be numbered. */
export interface NumberedEvent extends Publication {
  /** Name of the outbox table. */
  readonly table: string;
  readonly stream: StreamName;
  /** The aggregate's item, where it may have a count of the first release to go on with. */
  readonly adopts?: ItemAddress;
  readonly event: Omit<StoredEvent, 'at' | 'types' | 'first'>;
  number(
    events: readonly NumberedEvent[],
    io: Limits & { readonly client: DynamoDBClient },
  ): Promise<Numbering>;
}

/**
 * Numbers the events of one attempt. The version to go on from is the one that this instance has written last, within
 * half an hour, else the newest that is stored, by an eventually consistent read: one that is behind costs a refused
 * attempt, after which the next one asks consistently.
 *
 * @throws EpochEnded when a stream of them is closed; CommitFailed when a count that is to be adopted is no whole
 *   number; whatever the SDK throws.
 */
export async function number(
  events: readonly NumberedEvent[],
  io: Limits & { readonly client: DynamoDBClient },
): Promise<Numbering> {
  const known = countsOf(io.client);
  const began = now();
  const asked = new Map(events.map((event) => [idOf(event), event]));
  const counts = new Map(
    await Promise.all(
      [...asked].map(async ([id, event]): Promise<[string, Count]> => {
        const count = known.get(id);
        if (count !== undefined && count !== 'doubted') return [id, count];
        return [id, await storedCount(event, io, count === 'doubted')];
      }),
    ),
  );
  const at = Date.now();
  const ids = new Map<Write, string>();
  const rows = events.map((event) => {
    const id = idOf(event);
    const { row, count } = next(event, counts.get(id) as Count, at);
    counts.set(id, count);
    ids.set(row, id);
    return row;
  });
  return {
    rows,
    committed() {
      for (const [id, count] of counts) known.set(id, count, began);
    },
    doubt(doubted = rows) {
      for (const row of doubted) known.doubt(ids.get(row) ?? '');
    },
  };
}

function idOf({ table, stream }: NumberedEvent): string {
  return `${table}\n${streamText(stream)}`;
}

/** The event as the row of its version, and the count with it. */
function next(
  { table, event }: NumberedEvent,
  { stream, version: before, latest, adopted: first }: Count,
  at: number,
): { row: Write; count: Count } {
  const version = before + 1n;
  const item = eventItem(stream, version, { ...event, at, types: typesText(latest, event.type), first });
  const key = { stream: item.stream ?? { S: '' }, version: item.version ?? { S: '' } };
  return {
    row: {
      kind: 'put',
      address: { tableName: table, key, id: JSON.stringify([table, stream, String(version)]) },
      item,
      condition: versionFree(),
    },
    count: { stream, version, latest: new Map(latest).set(event.type, version) },
  };
}
