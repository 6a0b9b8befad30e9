import {
  TransactionCanceledException,
  TransactionConflictException,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';

/** Repeatable draws, 0 to 1: both sides meet the same ones. */
export type Draw = () => number;

/** Mulberry32. @see https://github.com/cprosche/mulberry32 */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Makes writes to a table meet a transaction of somebody else, as DynamoDB tells it: a single write is refused, a
 * transaction is cancelled whole. No local engine raises conflicts, so they are made up here, before the call leaves:
 * nothing of it is written.
 *
 * Each written item conflicts with the given share: a transaction of ten such items is in the way of others ten times
 * as often.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html (conflict handling)
 */
export function injectConflicts(client: DynamoDBClient, table: string, share: number, draw: Draw): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        const { TableName, TransactItems } = args.input as {
          TableName?: string;
          TransactItems?: TransactWriteItem[];
        };
        if (TransactItems !== undefined) {
          const codes = TransactItems.map((item) =>
            tableOf(item) === table && draw() < share ? 'TransactionConflict' : 'None',
          );
          if (codes.includes('TransactionConflict'))
            throw new TransactionCanceledException({
              message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`,
              CancellationReasons: codes.map((Code) => ({ Code })),
              $metadata: {},
            });
        } else if (writes.has(commandName) && TableName === table && draw() < share)
          throw new TransactionConflictException({
            message: 'Transaction is ongoing for the item',
            $metadata: {},
          });
        return next(args);
      },
    { step: 'initialize', priority: 'low', name: 'conflicts' },
  );
}

const writes = new Set(['PutItemCommand', 'UpdateItemCommand', 'DeleteItemCommand']);

function tableOf({ Put, Update, Delete, ConditionCheck }: TransactWriteItem): string | undefined {
  return (Put ?? Update ?? Delete ?? ConditionCheck)?.TableName;
}
