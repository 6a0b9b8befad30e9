import { anonymousCaller, apiSettings, restApiHandler } from '../../runtime/api/index.js';
import { required } from '../environment.js';
import { acceptPayment } from './accept-payment.js';

/** `POST /payments` behind a REST API of a target that does not say who calls: everybody is one caller. */
export const handler = restApiHandler(
  acceptPayment(
    {
      accepted: required('ACCEPTED_TABLE'),
      outbox: required('OUTBOX_TABLE'),
      epoch: required('OUTBOX_EPOCH'),
    },
    apiSettings(process.env),
    { caller: anonymousCaller },
  ),
);
