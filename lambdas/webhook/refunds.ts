import { consumerSettings, sqsConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import { shopShard } from '../api/payment.js';
import { required } from '../environment.js';
import { source } from '../outbox/payment-events.js';
import { RefundReported } from './refund.js';

const accounts = table({ name: required('ACCOUNTS_TABLE'), partitionKey: 'customer' });
const payments = table({ name: required('PAYMENTS_TABLE'), partitionKey: 'paymentId' });
const shop = table({ name: required('SHOP_TABLE'), partitionKey: 'shard' });
const refunds = table({ name: required('REFUNDS_TABLE'), partitionKey: 'refundId' });
const events = outbox({ table: required('OUTBOX_TABLE'), source, epoch: required('OUTBOX_EPOCH') });

/**
 * Settles a refund that has succeeded, and says so, in one commit. The provider has several events for one refund,
 * each with an id of its own: the key is the refund's and its status, so that two of them that say the same act once.
 * The counters hang on no key on purpose: a refund that acts twice shows.
 */
export const handler = sqsConsumer({
  settings: consumerSettings(process.env),
  schema: RefundReported,
  key: ({ body }) => `${body.data.data.object.id}/${body.data.data.object.status}`,
  // Of two events about one refund, the money counts.
  fingerprint: ({ data }) => [data.data.object.amount, data.data.object.metadata.paymentId],
  handle: async ({ body }, tx) => {
    const { id: refundId, amount: cents, status, metadata } = body.data.data.object;
    if (status !== 'succeeded') return;
    const { paymentId } = metadata;
    const payment = await tx.get(payments, { paymentId }, ['customer']);
    // The provider may be faster than the settlement: the event comes again.
    if (typeof payment?.['customer'] !== 'string')
      throw new Error(
        'the payment of this refund is not settled yet; if it never is, the refund is for a person',
      );
    const { customer } = payment;
    tx.update(accounts, { customer }, { add: { balance: cents, refunds: 1 } });
    tx.update(shop, { shard: shopShard(paymentId) }, { add: { credit: -cents, refunds: 1 } });
    tx.update(refunds, { refundId }, { set: { paymentId, customer, cents }, add: { settlements: 1 } });
    tx.publish(events, {
      aggregate: { table: refunds, key: { refundId }, kind: 'refund' },
      type: 'PaymentRefunded',
      data: { refundId, paymentId, customer, cents },
    });
  },
});
