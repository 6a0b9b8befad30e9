import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { Deferral, Transport } from '../consumer/transport.js';
import type { SqsTransportOptions } from './transport-options.js';
import { deliveryOf, type SqsDelivery } from './delivery.js';

/** SQS as a transport: records of Lambda's event source, dead-letter queue, visibility. */
export function sqsTransport(options: SqsTransportOptions): Transport<SQSRecord, SqsDelivery> {
  return {
    read: deliveryOf,
    // Loaded on the first failure: a consumer that has none does not pay for it at cold start.
    async deadLetter({ record }, letter, limits) {
      const { sendDeadLetter } = await import('./trouble.js');
      await sendDeadLetter(options, record, letter, limits);
    },
    async defer(deferrals: readonly Deferral<SqsDelivery>[], limits) {
      if (options.queueUrl === undefined || deferrals.length === 0) return;
      const { defer } = await import('./trouble.js');
      await defer(options.client, options.queueUrl, deferrals, limits);
    },
    stopsGroups: true,
    pack: ({ record }) => JSON.stringify(record),
    unpack: (text) => deliveryOf(JSON.parse(text) as SQSRecord),
    async restore(parked, carrier) {
      return (await import('./trouble.js')).restore(parked, carrier);
    },
  };
}

/** A client that is made when it is first needed. */
export function sqsOnce(given: SQSClient | undefined): () => Promise<SQSClient> {
  let sqs = given;
  return async () => {
    if (sqs === undefined) {
      const { SQSClient } = await import('./client.js');
      // Else the client follows the host in the queue's URL, past the endpoint that it was given.
      sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
    }
    return sqs;
  };
}
