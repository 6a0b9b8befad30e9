import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  idempotentApi,
  type Api,
  type ApiSettings,
  type CallerOf,
  type RequestSummary,
} from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import { source } from '../outbox/payment-events.js';
import { PaymentRequest } from './payment.js';

export interface AcceptTables {
  readonly accepted: string;
  readonly outbox: string;
  /** Incarnation of the outbox's counts. */
  readonly epoch: string;
}

/**
 * `POST /payments`: commits that the payment is accepted, the event that says so, and the answer, and nothing else
 * (R34). Only the relay sends: an answer that gets lost, or a process that dies here, leaves neither a payment
 * without its event nor an event without its payment. The Idempotency-Key is the payment's id.
 */
export function acceptPayment(
  names: AcceptTables,
  settings: ApiSettings,
  local: {
    readonly dynamodb?: DynamoDBClient;
    readonly observe?: (summary: RequestSummary) => void;
    readonly caller?: CallerOf;
  } = {},
): Api {
  const accepted = table({ name: names.accepted, partitionKey: 'paymentId' });
  const events = outbox({ table: names.outbox, source, epoch: names.epoch });
  return idempotentApi({
    ...local,
    settings,
    schema: PaymentRequest,
    handle: ({ key: paymentId, body }, tx) => {
      const payment = { paymentId, ...body };
      tx.insert(accepted, { ...payment, acceptedAt: new Date().toISOString() });
      tx.publish(events, {
        // A caller chooses the id: the kind keeps it apart from what others are called, such as customers (R57).
        aggregate: { table: accepted, key: { paymentId }, kind: 'payment' },
        type: 'PaymentAccepted',
        data: payment,
        group: payment.customer,
      });
      return { status: 202, body: { paymentId, status: 'accepted' } };
    },
    // Another caller, or this one in a window before, has paid under this key: payment ids are everybody's. No retry
    // changes that, so it is no 409, which says "come again".
    onConditionFailed: () => ({
      status: 403,
      headers: { 'content-type': 'application/problem+json' },
      body: {
        type: 'urn:payments:id-taken',
        title: 'The payment id is taken',
        status: 403,
        detail:
          'a payment with this Idempotency-Key as its id was accepted before; send a new key for a new payment',
      },
    }),
  });
}
