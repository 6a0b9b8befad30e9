import {
  ConditionalCheckFailedException,
  TransactionConflictException,
  type ConsumedCapacity,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { itemBytes } from '../runtime/dynamodb/item-size.js';

/** What a client's calls cost. */
export class Bill {
  calls = 0;
  /**
   * Longest chain of calls that each began after another had ended: what cannot be had at once. One batch at a time
   * only.
   */
  sequence = 0;
  writeUnits = 0;
  readUnits = 0;
}

/** What AWS charges for an item of up to 1 KB. */
const transactionalUnits = 2;
const refusedWriteUnits = 1;

const reads = new Set(['GetItemCommand', 'BatchGetItemCommand', 'QueryCommand', 'ScanCommand']);

/**
 * Bills every call of the client from now on. Consumed capacity is asked for where the caller did not ask, so both
 * sides are billed alike. Two things are billed by AWS's rules instead:
 *
 * - Refused writes, for which no capacity is reported but charged: 1 unit for a failed condition, 2 per action of a
 *   cancelled transaction.
 * - Transactions, 2 units per action and KB that it puts. DynamoDB Local 3.3.1 reports 2 per table, however many
 *   items of it were written: ten receipts and ten effects are 4 units there and 40 on AWS.
 *
 * What the SDK sends again on its own is one call.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html (conditional writes)
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html (capacity management)
 */
export function billed(client: DynamoDBClient): Bill {
  const bill = new Bill();
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const step = bill.sequence + 1;
        bill.calls += 1;
        const { TransactItems } = args.input as { TransactItems?: readonly TransactWriteItem[] };
        for (const { Put } of TransactItems ?? [])
          bill.writeUnits += transactionalUnits * Math.max(1, Math.ceil(itemBytes(Put?.Item ?? {}) / 1024));
        try {
          const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
          const { ConsumedCapacity: consumed } = answer.output as unknown as {
            ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
          };
          const units = [consumed ?? []]
            .flat()
            .reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
          if (reads.has(commandName)) bill.readUnits += units;
          else if (TransactItems === undefined) bill.writeUnits += units;
          return answer;
        } catch (error) {
          if (
            error instanceof ConditionalCheckFailedException ||
            error instanceof TransactionConflictException
          )
            bill.writeUnits += refusedWriteUnits;
          throw error;
        } finally {
          bill.sequence = Math.max(bill.sequence, step);
        }
      },
    { step: 'initialize', priority: 'high', name: 'bill' },
  );
  return bill;
}
