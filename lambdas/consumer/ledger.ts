import { Pool } from 'pg';
import { postgresConsumer, postgresConsumerSettings } from '../../runtime/postgres/index.js';
import { required } from '../environment.js';
import { PaymentSettled } from '../outbox/payment-events.js';

const settings = postgresConsumerSettings(process.env);
const pool = new Pool({ connectionString: required('LEDGER_URL'), max: settings.connections });

/** Posts each settled payment. `postings` hangs on no key on purpose: a payment that is posted twice shows. */
export const handler = postgresConsumer({
  settings,
  schema: PaymentSettled,
  pool,
  key: ({ body: { data } }) => data.paymentId,
  handle: async ({ body: { data } }, tx) => {
    await tx.query(
      'INSERT INTO ledger AS l (payment_id, customer, cents, postings) VALUES ($1, $2, $3, 1) ' +
        'ON CONFLICT (payment_id) DO UPDATE SET postings = l.postings + 1',
      [data.paymentId, data.customer, data.cents],
    );
  },
});
