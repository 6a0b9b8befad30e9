import { consumerSettings, sqsConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { leases } from '../../runtime/lease/index.js';
import { required } from '../environment.js';
import { mailProvider } from './mail-provider.js';
import { PaymentSettled } from '../outbox/payment-events.js';

const mails = table({ name: required('MAILS_TABLE'), partitionKey: 'paymentId' });
const send = mailProvider(required('MAIL_PROVIDER_URL'));

/**
 * Mails a receipt for each settled payment. The mail is outside any transaction: it is sent under a lease, with a key
 * that the provider knows for a day. `sent` hangs on no key on purpose: a payment whose receipt is noted twice shows.
 */
export const handler = sqsConsumer({
  settings: consumerSettings(process.env),
  schema: PaymentSettled,
  key: ({ body: { data } }) => data.paymentId,
  leases: leases(),
  handle: async (
    {
      body: {
        data: { paymentId, customer, cents },
      },
    },
    tx,
  ) => {
    const mailId = await tx.once('receipt-mail', {
      args: { paymentId, customer, cents },
      onUnknown: { retry: { keyWindowSeconds: 86_400 } },
      run: send,
    });
    tx.update(mails, { paymentId }, { set: { mailId }, add: { sent: 1 } });
  },
});
