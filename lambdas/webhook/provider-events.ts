import { httpApiHandler } from '../../runtime/api/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import { stripe, webhookReceiver, webhookSettings } from '../../runtime/webhook/index.js';
import { required } from '../environment.js';
import { refundTypes } from './refund.js';

/**
 * `POST /webhooks/stripe`: commits that the event is known and publishes it, and nothing else. The work is done
 * behind the queue, where it may take its time.
 */
export const handler = httpApiHandler(
  webhookReceiver({
    settings: webhookSettings(process.env),
    sources: { stripe: { scheme: stripe(), types: refundTypes } },
    outbox: outbox({
      table: required('OUTBOX_TABLE'),
      source: 'provider-events',
      epoch: required('OUTBOX_EPOCH'),
    }),
  }),
);
