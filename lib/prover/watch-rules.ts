import { fairFrom, tooFewToBeFair } from '../guarantees/fair-queue.js';
import type { Detected } from './detected.js';
import { isFifo, type QueuePath } from './queue-path.js';
import { part, isList, type TemplateResource } from './template-resource.js';
import type { Templates } from './templates.js';

/** Whether somebody is told, and when a fair queue can help. */
export function watchFindings(path: QueuePath, templates: Templates): (Detected | undefined)[] {
  const { queue, deadLetters } = path;
  if (queue === undefined) return [];
  const age = watched(queue, 'ApproximateAgeOfOldestMessage', templates);
  const dead =
    deadLetters !== undefined && watched(deadLetters, 'ApproximateNumberOfMessagesVisible', templates);
  const receives = queue.amount(['RedrivePolicy', 'maxReceiveCount'], 0) ?? 0;
  return [
    age || dead
      ? undefined
      : {
          rule: 'loss-is-seen',
          at: queue,
          value: 'no alarm of this app looks at the age of its messages, or at its dead letters',
          allowed: 'an alarm on both',
          prevents: 'messages fail and expire, and nobody is told (lost)',
          change: 'look whether somebody else watches; `MessageChannel` makes the alarms',
        },
    // Of dead letters that another app keeps, nobody here knows who watches them.
    age && deadLetters !== undefined && !dead && !isFifo(queue) && receives >= 3
      ? {
          rule: 'age-hides-poison',
          at: queue,
          value: `only the age of the oldest message is watched, and a message is received up to ${receives} times`,
          allowed: 'an alarm on the dead-letter queue beside it',
          prevents:
            'from the third receive on a message is left out of the age: one that always fails is not seen',
          change: 'alarm on ApproximateNumberOfMessagesVisible of the dead-letter queue, too',
        }
      : undefined,
    fairness(path, queue),
  ];
}

/** An alarm of the app on a metric of a queue, alone or inside of an expression. */
function watched(queue: TemplateResource, metric: string, templates: Templates): boolean {
  return templates.of('AWS::CloudWatch::Alarm').some((alarm) => {
    const inside = alarm.get('Metrics');
    const metrics = isList(inside) ? inside.map((one) => part(part(one, 'MetricStat'), 'Metric')) : [];
    const own = { MetricName: alarm.get('MetricName'), Dimensions: alarm.get('Dimensions') };
    return [own, ...metrics].some(
      (one) =>
        part(one, 'MetricName') === metric &&
        templates.referredTo(part(one, 'Dimensions'), alarm.template).includes(queue),
    );
  });
}

function fairness({ mapping, batchSize }: QueuePath, queue: TemplateResource): Detected | undefined {
  const limit = mapping.get('ScalingConfig', 'MaximumConcurrency');
  if (isFifo(queue) || typeof limit !== 'number' || batchSize === undefined) return undefined;
  const inFlight = tooFewToBeFair(limit, batchSize);
  if (inFlight === undefined) return undefined;
  return {
    rule: 'fair-queue-thresholds',
    at: mapping,
    value: `at most ${inFlight} messages are in flight`,
    allowed: `${fairFrom} or more, if messages have groups that should not wait for each other`,
    prevents: 'with so few, a group is not told from its neighbours, and they wait behind it',
    change: 'raise `maxConcurrency` if groups matter; nothing if messages have none',
  };
}
