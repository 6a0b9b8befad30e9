import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import { AuditReadError } from '../drive-error.js';

/** What the tables say happened, read without any code of the runtime. Amounts in cents. */
export interface Effects {
  /** By payment id. */
  readonly payments: ReadonlyMap<string, PaymentRow>;
  /** By customer. */
  readonly accounts: ReadonlyMap<string, AccountRow>;
  /** Sum over the shop's rows. */
  readonly shop: { readonly credit: bigint; readonly payments: bigint };
}

export interface PaymentRow {
  readonly customer: string;
  readonly cents: bigint;
  /** Raised by one each time the payment acts. */
  readonly settlements: bigint;
}

export interface AccountRow {
  /** Starts at 0; payments take away from it. */
  readonly balance: bigint;
  readonly payments: bigint;
}

export interface EffectTables {
  readonly payments: string;
  readonly accounts: string;
  readonly shop: string;
}

/**
 * Scans the three tables with consistent reads. A number that a row lacks counts as 0, so that half an effect is
 * seen.
 *
 * @throws AuditReadError when a number is no integer or a key no string
 */
export async function readEffects(client: DynamoDBClient, tables: EffectTables): Promise<Effects> {
  const payments = new Map<string, PaymentRow>();
  const accounts = new Map<string, AccountRow>();
  let credit = 0n;
  let credited = 0n;
  await scan(client, tables.payments, (row) => {
    payments.set(row.text('paymentId'), {
      customer: row.text('customer', ''),
      cents: row.integer('cents'),
      settlements: row.integer('settlements'),
    });
  });
  await scan(client, tables.accounts, (row) => {
    accounts.set(row.text('customer'), {
      balance: row.integer('balance'),
      payments: row.integer('payments'),
    });
  });
  await scan(client, tables.shop, (row) => {
    credit += row.integer('credit');
    credited += row.integer('payments');
  });
  return { payments, accounts, shop: { credit, payments: credited } };
}

/**
 * Which of up to 100 payments have acted, read consistently.
 *
 * @throws AuditReadError as above
 */
export async function actedPayments(
  client: DynamoDBClient,
  table: string,
  paymentIds: readonly string[],
): Promise<string[]> {
  if (paymentIds.length === 0) return [];
  const Keys = paymentIds.map((paymentId) => ({ paymentId: { S: paymentId } }));
  const { Responses = {} } = await client.send(
    new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }),
  );
  const rows = (Responses[table] ?? []).map((item) => rowOf(table, item));
  return rows.filter((row) => row.integer('settlements') > 0n).map((row) => row.text('paymentId'));
}

interface Row {
  text(attribute: string, missing?: string): string;
  integer(attribute: string): bigint;
}

async function scan(client: DynamoDBClient, table: string, visit: (row: Row) => void): Promise<void> {
  const pages = paginateScan({ client }, { TableName: table, ConsistentRead: true });
  for await (const page of pages) for (const item of page.Items ?? []) visit(rowOf(table, item));
}

function rowOf(table: string, item: Record<string, AttributeValue>): Row {
  return {
    text(attribute, missing) {
      const value = item[attribute]?.S ?? missing;
      if (value === undefined) throw new AuditReadError(table, attribute, JSON.stringify(item));
      return value;
    },
    integer(attribute) {
      const value = item[attribute];
      if (value === undefined) return 0n;
      if (value.N === undefined || !/^-?\d+$/.test(value.N))
        throw new AuditReadError(table, attribute, JSON.stringify(item));
      return BigInt(value.N);
    },
  };
}
