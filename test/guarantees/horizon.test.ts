import { Duration } from 'aws-cdk-lib';
import { horizon } from '../../lib/index.js';

test.each([
  [0, 18],
  [1, 36],
  [3, 72],
])('%d redrives: the retries of the producer, and %d days in the two queues', (maxRedrives, days) => {
  const total = horizon({
    producerRetryHorizon: Duration.hours(1),
    maxRedrives,
    queueRetention: Duration.days(4),
    deadLetterRetention: Duration.days(14),
  });
  expect(total.toSeconds()).toBe(3_600 + days * 86_400);
});
