import { consumerSettings } from '../../runtime/sqs/index.js';
import { required } from '../environment.js';
import { viewConsumer } from './payment-events.js';

/** What each customer is to be told, from a Standard queue: events that come early are parked until their turn. */
export const handler = viewConsumer('notification', required('VIEWS_TABLE'), consumerSettings(process.env));
