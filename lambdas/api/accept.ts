import { apiSettings, httpApiHandler } from '../../runtime/api/index.js';
import { acceptPayment } from './accept-payment.js';
import { required } from '../environment.js';

/** `POST /payments`. */
export const handler = httpApiHandler(
  acceptPayment(
    {
      accepted: required('ACCEPTED_TABLE'),
      outbox: required('OUTBOX_TABLE'),
      epoch: required('OUTBOX_EPOCH'),
    },
    apiSettings(process.env),
  ),
);
