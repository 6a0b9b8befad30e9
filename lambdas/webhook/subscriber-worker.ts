import { outbox } from '../../runtime/outbox/index.js';
import { webhookSenderSettings, webhookWorker } from '../../runtime/webhook/sender/index.js';
import { required } from '../environment.js';

/** A network of one's own whose subscribers are reached, also without TLS. Others have TLS and public addresses. */
const network = process.env['SUBSCRIBER_NETWORK'];

/** Sends to subscribers what is due, and publishes what their owners should know. */
export const handler = webhookWorker({
  settings: webhookSenderSettings(process.env),
  outbox: outbox({
    table: required('OUTBOX_TABLE'),
    source: 'subscribers',
    epoch: required('OUTBOX_EPOCH'),
  }),
  ...(network && { allowHttp: true, allowedRanges: [network] }),
});
