import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified, Way } from '../dedup/way.js';
import { InsertStore, type Insertion } from './insert-store.js';
import { addressOf, type Row, type Table } from './table.js';

/** A message that could be read: what the function that makes its row is given, with its identity. */
export interface Arrived<Given> extends Identified {
  readonly message: Given;
}

/**
 * Each message makes one new row, which is its own receipt: see {@link InsertStore}.
 *
 * @param row must give the same key for every copy of a message.
 */
export function insertWay<Given, Message extends Arrived<Given> = Arrived<Given>>(
  client: DynamoDBClient,
  table: Table,
  row: (message: Given) => Row,
): Way<Message, Insertion> {
  const store = new InsertStore(client, table);
  return {
    prepare: ({ message, fingerprint }, { lane }) => store.insertion(row(message), fingerprint, lane),
    commit: async (insertions, limits) => ({ outcomes: await store.commit(insertions, limits) }),
    async recall(received, limits, consistent) {
      const rows = received.map(({ message, fingerprint }) => ({
        at: addressOf(table, row(message)),
        fingerprint,
      }));
      const found = await store.recall(rows, limits, consistent);
      return new Map(
        received.flatMap((one, i): [Message, Outcome][] => {
          const outcome = found[i];
          return outcome === undefined ? [] : [[one, outcome]];
        }),
      );
    },
  };
}
