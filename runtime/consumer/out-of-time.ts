import { ExactlyOnceError } from '../dedup/errors.js';

/** A handler has not come to an end within the time of its invocation. It had the time that `Pace` promises. */
export class HandlerOutOfTime extends ExactlyOnceError {
  override name = 'HandlerOutOfTime';
  constructor() {
    super(
      'the handler had not returned when the time of the function was over; raise the timeout, or do less in one message',
    );
  }
}
