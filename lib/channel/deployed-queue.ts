import { Duration } from 'aws-cdk-lib';
import { CfnQueue, type IQueue } from 'aws-cdk-lib/aws-sqs';
import { durationText } from '../guarantees/duration-text.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';

const attributeOf = {
  visibilityTimeout: { property: 'visibilityTimeout', otherwise: Duration.seconds(30) },
  retention: { property: 'messageRetentionPeriod', otherwise: Duration.days(4) },
  deadLetterRetention: { property: 'messageRetentionPeriod', otherwise: Duration.days(4) },
} as const;

/** The queue as this app deploys it, or undefined where the app only refers to it. */
function made(queue: IQueue): CfnQueue | undefined {
  const child = queue.node.defaultChild;
  return CfnQueue.isCfnQueue(child) ? child : undefined;
}

/** Whether this app deploys the queue. */
export function isMadeHere(queue: IQueue): boolean {
  return made(queue) !== undefined;
}

/** A duration that is stated of a queue, where this app deploys it with another one. */
export function statedOtherwise(
  prop: keyof typeof attributeOf,
  stated: Duration,
  queue: IQueue,
): Violation[] {
  const resource = made(queue);
  const { property, otherwise } = attributeOf[prop];
  if (resource === undefined) return [];
  const seconds = resource[property];
  const deployed = seconds === undefined ? otherwise : Duration.seconds(seconds);
  if (!isKnown(stated) || !isKnown(deployed) || stated.toMilliseconds() === deployed.toMilliseconds())
    return [];
  return [
    {
      id: 'stated-as-deployed',
      given: `${prop} is ${durationText(stated)}`,
      allowed: `${durationText(deployed)}, which '${queue.node.path}' has`,
      change: `change \`${prop}\`, or the queue`,
    },
  ];
}
