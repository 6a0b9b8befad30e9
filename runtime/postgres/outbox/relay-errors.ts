import { ExactlyOnceError } from '../../dedup/errors.js';

/** Polling was asked of an outbox whose publishers leave everything to change data capture. */
export class NotPolled extends ExactlyOnceError {
  override name = 'NotPolled';
  override readonly isWithoutData = true;
  override readonly fault = 'defect';
  constructor(readonly table: string) {
    super(`polled in ${table} is false, so polling would find nothing; set it to true, or run the CDC relay`);
  }
}
