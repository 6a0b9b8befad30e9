import { consumerSettings, sqsConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { ActivityEvent, counterOf } from './activity-event.js';
import { required } from '../environment.js';

const activity = table({ name: required('ACTIVITY_TABLE'), partitionKey: 'counter' });

/**
 * Counts what customers do, by kind and hour. The counter hangs on no key on purpose: an event that acts twice shows.
 */
export const handler = sqsConsumer({
  settings: consumerSettings(process.env),
  schema: ActivityEvent,
  key: ({ body }) => body.eventId,
  handle: ({ body }, tx) => {
    tx.update(activity, { counter: counterOf(body) }, { add: { events: 1 } });
  },
});
