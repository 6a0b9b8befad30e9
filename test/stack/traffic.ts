import { GetItemCommand, paginateQuery, paginateScan } from '@aws-sdk/client-dynamodb';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { randomUUID } from 'node:crypto';
import type { Credentials, Target } from '../../targets/target.js';
import { relayed } from '../../runtime/outbox/envelope.js';
import { readRow } from '../../runtime/outbox/event-row.js';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';

export interface Payment {
  readonly paymentId: string;
  readonly customer: string;
  readonly purchasedOn: string;
  readonly cds: number;
  readonly cents: number;
}

/** A payment that no other test makes. */
export function payment(customer: string, cents: number): Payment {
  return { paymentId: randomUUID(), customer, purchasedOn: '1997-01-01', cds: 1, cents };
}

/** A customer that no other test uses. */
export function newCustomer(): string {
  return `c-${randomUUID()}`;
}

/** Where payments are made. */
export function paymentsUrl(stack: DeployedStack): URL {
  return new URL(`${stack.target.httpUrl(stack.output('ApiUrl')).replace(/\/$/, '')}/payments`);
}

/**
 * `POST /payments` with exactly these headers and this body, signed with the target's credentials unless told
 * otherwise.
 */
export async function post(
  stack: DeployedStack,
  request: { headers?: Record<string, string>; body: string; credentials?: Credentials | 'nothing' },
): Promise<Response> {
  const url = paymentsUrl(stack);
  const headers = { host: url.host, 'content-type': 'application/json', ...request.headers };
  const credentials = request.credentials ?? stack.target.client.credentials;
  const unsigned = new HttpRequest({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers,
    body: request.body,
  });
  const sent = credentials === 'nothing' ? unsigned : await sign(unsigned, stack.target.region, credentials);
  return fetch(url, { method: 'POST', headers: sent.headers, body: request.body });
}

async function sign(
  request: HttpRequest,
  region: string,
  credentials: Target['client']['credentials'],
): Promise<Pick<HttpRequest, 'headers'>> {
  return new SignatureV4({ service: 'execute-api', region, credentials, sha256: Sha256 }).sign(request);
}

/** Sends a payment as a client of the API does. */
export async function pay(stack: DeployedStack, { paymentId, ...body }: Payment): Promise<Response> {
  return post(stack, { headers: { 'idempotency-key': paymentId }, body: JSON.stringify(body) });
}

/** The event that says that a payment was accepted, as the outbox sends it. Of one payment it is always the same. */
export function accepted(given: object): object {
  const { paymentId = '' } = given as Partial<Payment>;
  return {
    ...{ specversion: '1.0', id: `1/${paymentId}/1`, source: 'payments', type: 'PaymentAccepted' },
    ...{ subject: paymentId, time: '1997-01-01T00:00:00.000Z', datacontenttype: 'application/json' },
    ...{ epoch: '1', aggregate: paymentId, version: '1', firstenqueue: '1997-01-01T00:00:00.000Z' },
    data: given,
  };
}

/**
 * Puts payments, each in its event, and texts as they are on the payments queue in this order, at most 10, past the
 * API. Each is a new message for SQS, also when it says the same as another.
 */
export async function enqueue(
  stack: DeployedStack,
  customer: string,
  bodies: readonly (string | object)[],
): Promise<void> {
  const { Failed } = await stack.sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: stack.output('PaymentsQueueUrl'),
      Entries: bodies.map((body, index) => ({
        Id: String(index),
        MessageBody: typeof body === 'string' ? body : JSON.stringify(accepted(body)),
        MessageGroupId: customer,
        MessageDeduplicationId: randomUUID(),
      })),
    }),
  );
  expect(Failed ?? []).toEqual([]);
}

/**
 * Resolves when everything of this customer that was sent before has been dealt with: messages of a group are handed
 * over in order, so a last payment that has acted was the last. It adds one payment of 1 cent to the account.
 */
export async function settled(stack: DeployedStack, customer: string): Promise<void> {
  const last = payment(customer, 1);
  await enqueue(stack, customer, [last]);
  await eventually(
    'the last payment',
    () => paymentRow(stack, last.paymentId),
    (row) => row !== undefined,
  );
}

export async function paymentRow(
  stack: DeployedStack,
  paymentId: string,
): Promise<Record<string, unknown> | undefined> {
  return row(stack, stack.output('PaymentsTableName'), { paymentId: { S: paymentId } });
}

export async function accountRow(
  stack: DeployedStack,
  customer: string,
): Promise<Record<string, unknown> | undefined> {
  return row(stack, stack.output('AccountsTableName'), { customer: { S: customer } });
}

export async function row(
  stack: DeployedStack,
  TableName: string,
  Key: Record<string, { S: string }>,
): Promise<Record<string, unknown> | undefined> {
  const { Item } = await stack.dynamo.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item && unmarshall(Item);
}

/** The events of a payment or of a customer as they are relayed, in their order. */
export async function published(
  stack: DeployedStack,
  kind: 'payment' | 'customer',
  aggregate: string,
): Promise<string[]> {
  const events: string[] = [];
  const pages = paginateQuery(
    { client: stack.dynamo },
    {
      TableName: stack.output('OutboxTableName'),
      ConsistentRead: true,
      KeyConditionExpression: '#stream = :stream',
      ExpressionAttributeNames: { '#stream': 'stream' },
      ExpressionAttributeValues: { ':stream': { S: JSON.stringify(['payments', '1', kind, aggregate]) } },
    },
  );
  for await (const { Items = [] } of pages) events.push(...Items.map((item) => relayed(readRow(item)).event));
  return events;
}

export async function rows(stack: DeployedStack, TableName: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const { Items = [] } of paginateScan(
    { client: stack.dynamo },
    { TableName, ConsistentRead: true },
  ))
    found.push(...Items.map((item) => unmarshall(item)));
  return found;
}
