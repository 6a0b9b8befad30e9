import { Duration, Stack, Token } from 'aws-cdk-lib';
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

/** What the queue does by itself with a message that has been received so often, as far as this app says it. */
interface Redrive {
  readonly deadLetterTargetArn?: unknown;
  readonly maxReceiveCount?: unknown;
}

function redriveOf(queue: IQueue): Redrive | undefined {
  const resource = made(queue);
  if (resource === undefined) return undefined;
  const policy: unknown = Stack.of(queue).resolve(resource.redrivePolicy);
  return typeof policy === 'object' && policy !== null ? policy : undefined;
}

/** After how many receives SQS gives a message up. Undefined where it never does, or nobody knows at synth. */
export function mostReceives(queue: IQueue): number | undefined {
  const count = redriveOf(queue)?.maxReceiveCount;
  return typeof count === 'number' && !Token.isUnresolved(count) ? count : undefined;
}

/** A queue of the app that SQS gives up to another one than is stated. */
export function redrivesElsewhere(queue: IQueue, deadLetterQueue: IQueue): Violation[] {
  const target = redriveOf(queue)?.deadLetterTargetArn;
  if (target === undefined || !isMadeHere(deadLetterQueue) || Stack.of(queue) !== Stack.of(deadLetterQueue))
    return [];
  const stated: unknown = Stack.of(queue).resolve(deadLetterQueue.queueArn);
  if (JSON.stringify(target) === JSON.stringify(stated)) return [];
  return [
    {
      id: 'stated-as-deployed',
      given: `deadLetterQueue is '${deadLetterQueue.node.path}'`,
      allowed: `the one to which '${queue.node.path}' redrives`,
      change:
        'change `deadLetterQueue`, or that of the queue: what SQS gives up would be looked for elsewhere',
    },
  ];
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
