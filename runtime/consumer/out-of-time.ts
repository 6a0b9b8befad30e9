import { ExactlyOnceError } from '../dedup/errors.js';
import { sleep } from '../dedup/sleep.js';

/** A handler has not come to an end within the time of its invocation. It had the time that `Pace` promises. */
export class HandlerOutOfTime extends ExactlyOnceError {
  override name = 'HandlerOutOfTime';
  constructor() {
    super(
      'the handler had not returned when the time of the function was over; raise the timeout, or do less in one message',
    );
  }
}

/** An asynchronous schema has not come to an end in time: its neighbours in the batch need the rest of it. */
export class SchemaOutOfTime extends ExactlyOnceError {
  override name = 'SchemaOutOfTime';
  override readonly isWithoutData = true;
  constructor() {
    super('the schema had not validated the body when a quarter of the time of the function was over');
  }
}

/** A call that is cut off at the same moment says so itself, and is a better reason. */
const graceMs = 25;

/** What a handler is given up with, a little after the time of its invocation is over. */
export async function outOfTime(): Promise<HandlerOutOfTime> {
  await sleep(graceMs);
  return new HandlerOutOfTime();
}
