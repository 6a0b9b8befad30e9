import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import type { Deferral, Transport } from '../consumer/transport.js';
import { exactJsonText, maxDepth, parseJson } from '../dedup/exact-json.js';
import type { SqsTransportOptions } from './transport-options.js';
import { deliveryOf, type SqsDelivery } from './delivery.js';

/** SQS as a transport: records of Lambda's event source, dead-letter queue, visibility. */
export function sqsTransport(options: SqsTransportOptions): Transport<SQSRecord, SqsDelivery> {
  return {
    read: deliveryOf,
    // Loaded on the first failure: a consumer that has none does not pay for it at cold start.
    async deadLetter({ record }, letter, limits) {
      const { sendDeadLetter } = await import('./failing.js');
      await sendDeadLetter(options, record, letter, limits);
    },
    async defer(deferrals: readonly Deferral<SqsDelivery>[], limits) {
      if (options.queueUrl === undefined || deferrals.length === 0) return;
      const { defer } = await import('./failing.js');
      await defer(options.client, options.queueUrl, deferrals, limits);
    },
    pack: ({ record }) => JSON.stringify(record),
    unpack: (text) => deliveryOf(JSON.parse(text) as SQSRecord),
    restore({ carried, position }, { record: carrier }) {
      const { body, attributes, group } = parseJson(carried, maxDepth + 1) as Carried;
      const messageAttributes: SQSMessageAttributes = {};
      for (const [name, stringValue] of Object.entries(attributes))
        messageAttributes[name] = { dataType: 'String', stringValue };
      return deliveryOf({
        ...carrier,
        messageId: `${carrier.messageId}@${position.sequence}`,
        body: exactJsonText(body),
        messageAttributes,
        attributes: { ...carrier.attributes, ...(group !== undefined && { MessageGroupId: group }) },
      });
    },
  };
}

/** What an aggregate keeps of a message that is parked inside of it. */
interface Carried {
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, string>>;
  readonly group: string | undefined;
}
