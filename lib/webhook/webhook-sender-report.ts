import type { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { writeLine } from '../guarantees/cost.js';
import { durationText } from '../guarantees/duration-text.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { scheduleCost } from '../guarantees/idle-cost.js';
import type { Inequality } from '../guarantees/inequality.js';

/** The sender's row in GUARANTEES.md. */
export function reportSender(sender: Construct, retention: Duration, inequalities: Inequality[]): void {
  GuaranteeReport.record('WebhookSender', sender, {
    claim: {
      identity: '(source, event id); `webhook-id` is the same at every attempt',
      way: `event, a delivery per endpoint and the receipt in one transaction; sent until it is taken, kept ${durationText(retention)}`,
      brokenBy: [
        'an endpoint that does not remember `webhook-id`: it acts twice when a worker dies in between',
      ],
    },
    cost: {
      per: 'events',
      batchSize: 1,
      lines: [
        writeLine([
          [2, 'for the event'],
          [3, 'for a delivery and its place in the index'],
          [2, 'when it is taken'],
        ]),
      ],
    },
    idle: [scheduleCost('ticks', 60)],
    inequalities,
    notes: [
      'The units are those of an event of up to 1 KB to one endpoint that takes it at once. Each further KB costs 2 more, each further endpoint 5, each attempt that fails 4, an endpoint that wants order 5 more in place of 2; the receipt is in the cost of the intake.',
      'Assumed: the clocks of any two workers agree within 60 seconds (`maxClockSkewSeconds` of the worker). Beyond it two may send for one endpoint at once, and its order and caps do not hold.',
    ],
  });
}
