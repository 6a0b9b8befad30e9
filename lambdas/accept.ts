import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { DynamoStore, fingerprintOf, Meter, receiptId, table } from '../runtime/dedup/index.js';
import { outbox } from '../runtime/outbox/index.js';
import { required } from './environment.js';
import { source } from './payment-events.js';
import { PaymentRequest } from './payment.js';

const store = new DynamoStore({
  client: new DynamoDBClient({}),
  tableName: required('DEDUP_TABLE'),
  retentionSeconds: Number(required('RECEIPT_RETENTION_SECONDS')),
});
const accepted = table({ name: required('ACCEPTED_TABLE'), partitionKey: 'paymentId' });
const events = outbox({ table: required('OUTBOX_TABLE'), source, epoch: required('OUTBOX_EPOCH') });

/**
 * `POST /payments`: commits that the payment is accepted, and the event that says so, and nothing else (R34). Only the relay sends:
 * an answer that gets lost, or a process that dies here, leaves neither a payment without its event nor an event without its payment.
 * The Idempotency-Key is the payment's id.
 */
export async function handler(
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  const paymentId = event.headers['idempotency-key'];
  if (!paymentId || paymentId.length > 255)
    return problem(
      400,
      'the Idempotency-Key header must have 1 to 255 characters; send the same one with every retry',
    );
  const request = PaymentRequest.safeParse(parsed(event));
  if (!request.success)
    return problem(
      400,
      request.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; '),
    );
  const payment = { paymentId, ...request.data };
  const tx = store.transaction(new Meter());
  tx.put(accepted, { ...payment, acceptedAt: new Date().toISOString() });
  tx.publish(events, {
    aggregate: { table: accepted, key: { paymentId } },
    type: 'PaymentAccepted',
    data: payment,
    group: payment.customer,
  });
  const receipt = { id: receiptId('accept', paymentId), fingerprint: fingerprintOf(request.data) };
  const unit = { receipt, writes: tx.writes, publications: tx.publications, lane: paymentId };
  const limits = { deadline: Date.now() + context.getRemainingTimeInMillis() - 500, meter: new Meter() };
  const outcome = (await store.commit([unit], limits)).get(unit);
  switch (outcome?.kind) {
    case 'processed':
    case 'duplicate':
      return answer(202, 'application/json', { paymentId, status: 'accepted' });
    case 'rejected':
      return problem(422, outcome.error.message);
    default:
      return problem(503, 'the payment could not be accepted; send it again with the same Idempotency-Key');
  }
}

function parsed({ body = '', isBase64Encoded }: APIGatewayProxyEventV2): unknown {
  try {
    return JSON.parse(isBase64Encoded ? Buffer.from(body, 'base64').toString() : body);
  } catch {
    return undefined;
  }
}

/** RFC 9457 problem details. */
function problem(status: keyof typeof titles, detail: string): APIGatewayProxyStructuredResultV2 {
  return answer(status, 'application/problem+json', {
    type: 'about:blank',
    title: titles[status],
    status,
    detail,
  });
}

const titles = { 400: 'Bad Request', 422: 'Unprocessable Content', 503: 'Service Unavailable' } as const;

function answer(statusCode: number, contentType: string, body: unknown): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': contentType }, body: JSON.stringify(body) };
}
