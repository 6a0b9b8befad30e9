import { consumerSettings } from '../../runtime/sqs/index.js';
import { required } from '../environment.js';
import { viewConsumer } from './payment-events.js';

/** The statement of each customer, from a FIFO queue. */
export const handler = viewConsumer('statement', required('VIEWS_TABLE'), consumerSettings(process.env));
