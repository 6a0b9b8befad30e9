import { consumerSettings, sqsConsumer } from '../runtime/consumer/index.js';
import { required } from './environment.js';
import { Payment, settlement } from './payment.js';

const settle = settlement({
  accounts: required('ACCOUNTS_TABLE'),
  payments: required('PAYMENTS_TABLE'),
  shop: required('SHOP_TABLE'),
});

export const handler = sqsConsumer({
  settings: consumerSettings(process.env),
  schema: Payment,
  key: ({ body }) => body.paymentId,
  handle: ({ body }, tx) => {
    settle(body, tx);
  },
});
