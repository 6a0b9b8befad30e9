import { Duration } from 'aws-cdk-lib';
import { durationText } from '../guarantees/duration-text.js';
import { channelInequalities, visibilityCovers } from '../guarantees/inequalities.js';
import { broken, type Detected } from './detected.js';
import { defaults, isFifo, type QueuePath } from './queue-path.js';
import { isIntrinsic, isObject, type TemplateResource } from './template-resource.js';

/** What is wrong with, or not known of, the queue of a path and its dead-letter queue. */
export function queueFindings(path: QueuePath): (Detected | undefined)[] {
  const { queue, mapping } = path;
  if (queue === undefined) return [foreignQueue(path)];
  return [
    visibility(path, queue),
    ...redrive(path, queue),
    highThroughput(queue),
    ...(isFifo(queue) && !path.isProtected ? ofProducers(queue) : []),
    queue.isOn('ContentBasedDeduplication')
      ? {
          rule: 'content-is-no-identity',
          at: queue,
          value: 'content-based deduplication is on',
          allowed: 'off, with an explicit deduplication id',
          prevents: `of two events with equal bodies the second is dropped before ${mapping.path} sees it (lost); a time stamp in the body makes each try another message (doubled)`,
          change:
            'turn `contentBasedDeduplication` off, and send an id of the event as MessageDeduplicationId',
        }
      : undefined,
  ];
}

/** What a rule cannot tell because a value is an intrinsic function. */
export function notKnown(at: TemplateResource, what: string, location: string, needed: string): Detected {
  return {
    rule: 'known-at-synth',
    at,
    location: `Properties/${location}`,
    value: `${what} is known only at deployment`,
    allowed: needed,
    prevents: 'the rule is not checked',
    change: 'give a plain value, or look at what is deployed',
  };
}

function visibility(
  { mapping, function: consumer }: QueuePath,
  queue: TemplateResource,
): Detected | undefined {
  const hidden = queue.amount(['VisibilityTimeout'], defaults.visibilityTimeout);
  if (consumer === undefined)
    return {
      rule: 'function-timeout',
      at: mapping,
      value: 'the function is not of this app',
      allowed:
        hidden === undefined
          ? 'a timeout of at most a sixth of the visibility timeout'
          : `a timeout of at most ${durationText(Duration.seconds(Math.floor(hidden / 6)))}, a sixth of the visibility timeout of '${queue.path}'`,
      prevents: 'a message comes to a second instance while the first still works on it',
      change: 'look at Timeout in `aws lambda get-function-configuration`',
    };
  const timeout = consumer.amount(['Timeout'], defaults.timeout);
  const window = mapping.amount(['MaximumBatchingWindowInSeconds'], 0);
  if (hidden === undefined)
    return notKnown(queue, 'the visibility timeout', 'VisibilityTimeout', '6 x timeout of the function');
  if (timeout === undefined || window === undefined)
    return notKnown(consumer, 'the timeout', 'Timeout', 'a sixth of the visibility timeout');
  const change = `raise \`visibilityTimeout\` of the queue, or lower \`timeout\` of '${consumer.path}'`;
  return broken(
    queue,
    visibilityCovers({
      queue: queue.path,
      visibilityTimeout: Duration.seconds(hidden),
      timeout: Duration.seconds(timeout),
      maxBatchingWindow: Duration.seconds(window),
      change,
    }),
    change,
  );
}

function redrive(path: QueuePath, queue: TemplateResource): (Detected | undefined)[] {
  const policy = queue.get('RedrivePolicy');
  if (policy === undefined)
    return [
      {
        rule: 'poison-has-an-end',
        at: queue,
        value: 'no redrive policy',
        allowed: 'a dead-letter queue of the same kind',
        prevents: isFifo(queue)
          ? 'a message that always fails holds up its group until it expires, and is then lost'
          : 'a message that always fails is paid for until it expires, and is then lost',
        change: 'give the queue a `deadLetterQueue`',
      },
    ];
  if (!isObject(policy) || isIntrinsic(policy))
    return [notKnown(queue, 'the redrive policy', 'RedrivePolicy', 'a dead-letter queue of the same kind')];
  const { deadLetters } = path;
  if (deadLetters === undefined)
    return [
      {
        rule: 'dead-letter-queue-as-stated',
        at: queue,
        value: 'the dead-letter queue is not of this app',
        allowed: 'a queue of the same kind with a longer retention',
        prevents: 'a failed message expires before anybody can repair it (lost)',
        change: 'look at MessageRetentionPeriod in `aws sqs get-queue-attributes`',
      },
      ...receives(path, queue),
    ];
  if (deadLetters === queue)
    return [
      {
        rule: 'dead-letters-apart',
        at: queue,
        value: 'the queue is its own dead-letter queue',
        allowed: 'another queue',
        prevents: 'a message that always fails comes for ever',
        change: 'give the queue another `deadLetterQueue`',
      },
    ];
  // Which retention is long enough depends on the kind.
  const unsure = [queue, deadLetters].find((one) => one.isOpen('FifoQueue'));
  if (unsure !== undefined)
    return [notKnown(unsure, 'the kind of the queue', 'FifoQueue', 'one kind for both queues')];
  return [kinds(queue, deadLetters), retentions(queue, deadLetters), ...receives(path, queue)];
}

function kinds(queue: TemplateResource, deadLetters: TemplateResource): Detected | undefined {
  if (isFifo(queue) === isFifo(deadLetters)) return undefined;
  const [ours, theirs] = isFifo(queue) ? ['FIFO', 'Standard'] : ['Standard', 'FIFO'];
  return {
    rule: 'dead-letters-of-one-kind',
    at: queue,
    value: `the queue is ${ours}, its dead-letter queue '${deadLetters.path}' is ${theirs}`,
    allowed: `a ${ours} queue`,
    prevents: 'SQS refuses the redrive policy',
    change: 'make both queues of one kind',
  };
}

function retentions(queue: TemplateResource, deadLetters: TemplateResource): Detected | undefined {
  const retention = queue.amount(['MessageRetentionPeriod'], defaults.retention);
  const deadLetterRetention = deadLetters.amount(['MessageRetentionPeriod'], defaults.retention);
  if (retention === undefined || deadLetterRetention === undefined)
    return notKnown(
      deadLetters,
      'the retention',
      'MessageRetentionPeriod',
      `more than that of '${queue.path}'`,
    );
  const [inequality] = channelInequalities({
    fifo: isFifo(queue),
    retention: Duration.seconds(retention),
    deadLetterRetention: Duration.seconds(deadLetterRetention),
  });
  return broken(
    deadLetters,
    inequality,
    `raise \`retentionPeriod\` (at most 14 days), or lower that of '${queue.path}'`,
  );
}

/** The runtime of this library dead-letters after real failures itself, and needs none of these. */
function receives(path: QueuePath, queue: TemplateResource): (Detected | undefined)[] {
  if (path.isProtected) return [];
  const count = queue.amount(['RedrivePolicy', 'maxReceiveCount'], 0);
  const hidden = queue.amount(['VisibilityTimeout'], defaults.visibilityTimeout);
  const retention = queue.amount(['MessageRetentionPeriod'], defaults.retention);
  if (count === undefined || hidden === undefined || retention === undefined)
    return [notKnown(queue, 'the number of receives', 'RedrivePolicy/maxReceiveCount', '5 or more')];
  const holes: Detected = {
    rule: 'dead-letters-make-holes',
    at: queue,
    value: 'a FIFO queue with a dead-letter queue',
    allowed: 'messages that may act without an earlier one of their group',
    prevents: 'a group goes on behind a dead letter, and the redriven message comes late (order)',
    change: 'look whether order matters; `IdempotentConsumer` with `OnFailure.STOP` stops the group instead',
  };
  return [
    count < 5
      ? {
          rule: 'receives-are-no-failures',
          at: queue,
          value: `maxReceiveCount is ${count}`,
          allowed: 'at least 5',
          prevents:
            'healthy messages that were only throttled, or shared a batch with a killer, become dead letters',
          change: 'raise `maxReceiveCount`',
        }
      : undefined,
    count * hidden >= retention
      ? {
          rule: 'dead-letters-before-expiry',
          at: queue,
          value: `maxReceiveCount ${count} x visibility timeout ${durationText(Duration.seconds(hidden))}`,
          allowed: `less than the retention of ${durationText(Duration.seconds(retention))}`,
          prevents: 'a message that times out each time expires before it is a dead letter (lost)',
          change: 'lower `maxReceiveCount`, or raise `retentionPeriod`',
        }
      : undefined,
    isFifo(queue) ? holes : undefined,
  ];
}

function highThroughput(queue: TemplateResource): Detected | undefined {
  if (queue.get('FifoThroughputLimit') !== 'perMessageGroupId') return undefined;
  if (queue.get('DeduplicationScope') === 'messageGroup' || queue.isOpen('DeduplicationScope'))
    return undefined;
  return {
    rule: 'high-throughput-is-per-group',
    at: queue,
    value: 'the throughput limit is per message group, the deduplication is not',
    allowed: 'both per message group',
    prevents: 'SQS refuses the queue',
    change: 'set `deduplicationScope` to `DeduplicationScope.MESSAGE_GROUP`',
  };
}

function ofProducers(queue: TemplateResource): (Detected | undefined)[] {
  return [
    {
      rule: 'deduplication-ids-repeat',
      at: queue,
      value: 'the ids are made by the producers',
      allowed: 'the same id in each try, and no try after 5 minutes',
      prevents: 'a late try, or one with a new id, is a second message (doubled)',
      change: 'look at the producers; a key in the body recognises the message at any time',
    },
    queue.get('DeduplicationScope') === 'messageGroup'
      ? {
          rule: 'deduplication-is-per-group',
          at: queue,
          value: 'deduplication is per message group',
          allowed: 'one group per message, also when it is sent again',
          prevents: 'one deduplication id in two groups is two messages (doubled)',
          change: 'look at how the producers choose the group',
        }
      : undefined,
  ];
}

function foreignQueue({ mapping, function: consumer }: QueuePath): Detected {
  const timeout = consumer?.amount(['Timeout'], defaults.timeout);
  return {
    rule: 'queue-as-stated',
    at: mapping,
    value: 'the queue is not of this app',
    allowed: `a visibility timeout of ${timeout === undefined ? '6 x the timeout of the function' : durationText(Duration.seconds(6 * timeout))} at the least, and a dead-letter queue that outlives the queue`,
    prevents: 'a message comes to a second instance while the first still works on it, or expires unseen',
    change: 'look at VisibilityTimeout and RedrivePolicy in `aws sqs get-queue-attributes`',
  };
}
