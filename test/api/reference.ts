import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { acceptPayment } from '../../lambdas/api/accept-payment.js';
import type { Api, RequestSummary } from '../../runtime/api/index.js';
import { day } from './payments.js';

export interface ReferenceNames {
  readonly receipts: string;
  /** Partition key `paymentId`. */
  readonly accepted: string;
  /** Partition key `stream`, sort key `version`. */
  readonly outbox: string;
}

/** `POST /payments` of the reference stack, as docs/openapi/payments.json describes it. */
export function referenceApi(
  { receipts, accepted, outbox }: ReferenceNames,
  dynamodb: DynamoDBClient,
  observe: (summary: RequestSummary) => void = () => undefined,
): Api {
  return acceptPayment(
    { accepted, outbox, epoch: '1' },
    { apiName: 'accept', dedupTable: receipts, windowSeconds: day },
    { dynamodb, observe },
  );
}
