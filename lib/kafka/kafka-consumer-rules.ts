import { Duration, Token } from 'aws-cdk-lib';
import { atLeast, isKnown, wholeBetween, type Inequality } from '../guarantees/inequality.js';
import { receiptsOutlive } from '../guarantees/inequalities.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { storeViolations } from '../guarantees/one-store.js';
import { consumerNameIsItsOwn } from '../guarantees/own-name.js';
import { environmentViolations } from '../guarantees/reserved-environment.js';
import { roomToWork } from '../guarantees/room-to-work.js';
import { nameViolations } from '../guarantees/stable-name.js';
import type { KafkaConsumerProps } from './kafka-consumer-props.js';
import { defaults, kafkaHorizonOf } from './kafka-consumer-values.js';

/**
 * What must hold between a topic, its mapping, the function and its receipts. docs/kafka.md explains each by its id.
 */
export function kafkaInequalities(props: KafkaConsumerProps, receiptRetention: Duration): Inequality[] {
  const { consumerName, dedupTable, timeout = defaults.timeout, batchSize = defaults.batchSize } = props;
  const { minimumPollers = 1, maximumPollers = 200, retryAttempts, maxRecordAge, topicRetention } = props;
  const until = kafkaHorizonOf(props);
  const all: (Inequality | undefined)[] = [
    roomToWork('timeout', timeout),
    atLeast(
      {
        id: 'function-timeout-of-lambda',
        prevents: 'the deployment fails',
        change: 'lower `timeout`',
      },
      { name: 'longest timeout of Lambda', value: Duration.minutes(15) },
      { name: 'timeout', value: timeout },
    ),
    wholeBetween(
      {
        id: 'kafka-batch-fits-the-time',
        prevents: 'a batch that cannot be committed in its time comes back half done, again and again',
        change: 'change `batchSize`',
      },
      { name: 'batchSize', value: batchSize },
      1,
      1000,
    ),
    until && receiptsOutlive(receiptRetention, until),
    wholeBetween(
      { id: 'kafka-pollers', prevents: 'the deployment fails', change: 'change `minimumPollers`' },
      { name: 'minimumPollers', value: minimumPollers },
      1,
      200,
    ),
    wholeBetween(
      { id: 'kafka-pollers', prevents: 'the deployment fails', change: 'change `maximumPollers`' },
      { name: 'maximumPollers', value: maximumPollers },
      isKnown(minimumPollers) ? Math.max(1, minimumPollers) : 1,
      2000,
    ),
    ...(retryAttempts === undefined ? [] : [retriesReachTheVerdict(props, retryAttempts)]),
    maxRecordAge === undefined
      ? undefined
      : atLeast(
          {
            id: 'record-age-leaves-time-to-repair',
            prevents: 'an outage of an hour has Lambda give up every record that came before it',
            change: 'raise `maxRecordAge`, or leave it out',
          },
          { name: 'maxRecordAge', value: maxRecordAge },
          { name: 'time to repair', value: Duration.hours(1) },
        ),
    atLeast(
      {
        id: 'topic-outlives-an-outage',
        prevents: 'records expire in the topic while the consumer is being repaired (lost)',
        change: 'raise `retention.ms` of the topic, and `topicRetention`',
      },
      { name: 'topicRetention', value: topicRetention },
      { name: 'time to repair', value: Duration.days(1) },
    ),
    dedupTable && consumerNameIsItsOwn(dedupTable, consumerName),
  ];
  return all.filter((one) => one !== undefined);
}

/** A record needs as many tries as it has failures, one that kills some deaths more, before the consumer can tell. */
function retriesReachTheVerdict(props: KafkaConsumerProps, retryAttempts: number): Inequality | undefined {
  const { maxFailures = defaults.maxFailures, batchSize = defaults.batchSize } = props;
  if (![maxFailures, batchSize].every(isKnown)) return undefined;
  const deaths = Math.ceil(Math.log2(Math.max(2, batchSize))) + 5;
  return atLeast(
    {
      id: 'retries-reach-the-verdict',
      prevents:
        'Lambda gives up a whole batch before the consumer can tell which record of it fails, or kills its process',
      change: 'raise `retryAttempts`, or leave it out; or lower `maxFailures` or `batchSize`',
    },
    { name: 'retryAttempts', value: retryAttempts },
    { name: 'maxFailures + log2(batchSize) + 5 deaths', value: maxFailures + deaths },
  );
}

/** What is wrong with the props by themselves. */
export function kafkaViolations(props: KafkaConsumerProps): Violation[] {
  return [
    ...nameViolations(
      'consumer-name-stable',
      'consumerName',
      props.consumerName,
      'receipts are found by it for as long as they are kept',
    ),
    ...environmentViolations(props.environment ?? {}),
    ...storeViolations(props),
    ...clusterViolations(props),
    ...topicViolations(props),
    ...pollerViolations(props),
    ...retentionViolations(props),
  ];
}

function clusterViolations(props: KafkaConsumerProps): Violation[] {
  const { clusterArn, bootstrapServers, secret, authentication, clusterVpc, clusterSecurityGroup } = props;
  const one = clusterArn === undefined ? (bootstrapServers ?? []).length > 0 : bootstrapServers === undefined;
  return found([
    !one && {
      id: 'one-cluster',
      given:
        clusterArn === undefined
          ? 'neither `clusterArn` nor `bootstrapServers` names a cluster'
          : '`clusterArn` and `bootstrapServers` are both given',
      allowed: 'exactly one of them',
      change: 'give `clusterArn` of an MSK cluster, or `bootstrapServers` of a self-managed one',
    },
    clusterArn === undefined &&
      secret === undefined &&
      clusterVpc === undefined && {
        id: 'kafka-cluster-signs-in',
        given: 'neither `secret` nor `clusterVpc` is given for a self-managed cluster',
        allowed: 'one of them: a cluster that is reached over the internet wants credentials',
        change: 'give `secret`, with its `authentication`, or the `clusterVpc` of the cluster',
      },
    clusterArn !== undefined &&
      (authentication !== undefined || clusterVpc !== undefined || props.rootCACertificate !== undefined) && {
        id: 'kafka-msk-knows-its-network',
        given: '`authentication`, `clusterVpc` or `rootCACertificate` is given with `clusterArn`',
        allowed: 'left out: Lambda finds the network of an MSK cluster, and its secret is SASL/SCRAM',
        change: 'remove it',
      },
    clusterVpc !== undefined &&
      clusterSecurityGroup === undefined && {
        id: 'kafka-network-is-whole',
        given: '`clusterVpc` is given without `clusterSecurityGroup`',
        allowed: 'both: the mapping joins the network as one of the group',
        change: 'give a `clusterSecurityGroup` that may reach the brokers',
      },
  ]);
}

const topicPattern = /^[A-Za-z0-9._-]{1,249}$/;

function topicViolations({ topic, topicId, onFailureTopic }: KafkaConsumerProps): Violation[] {
  return found([
    !Token.isUnresolved(topic) &&
      !topicPattern.test(topic) && {
        id: 'kafka-topic-name',
        given: `topic is '${topic}'`,
        allowed: '1 to 249 of A-Z a-z 0-9 . _ -',
        change: 'give the name of the topic',
      },
    topicId !== undefined &&
      !Token.isUnresolved(topicId) &&
      !/^[A-Za-z0-9_-]{22}$/.test(topicId) && {
        id: 'kafka-topic-id',
        given: `topicId is '${topicId}'`,
        allowed: 'the 22 characters that `kafka-topics.sh --describe` prints as TopicId',
        change: 'give that, or leave it out and have the handler make a `key`',
      },
    onFailureTopic !== undefined &&
      onFailureTopic === topic && {
        id: 'kafka-on-failure-is-no-circle',
        given: '`onFailureTopic` is the topic itself',
        allowed: 'another topic of the cluster',
        change: 'give another `onFailureTopic`',
      },
  ]);
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html */
function pollerViolations(props: KafkaConsumerProps): Violation[] {
  const { onDemand, retryAttempts, maxRecordAge, onFailureTopic } = props;
  const limited = retryAttempts !== undefined || maxRecordAge !== undefined;
  const needsPollers = (
    [
      'retryAttempts',
      'maxRecordAge',
      'bisectBatchOnError',
      'onFailureTopic',
      'minimumPollers',
      'maximumPollers',
    ] as const
  ).filter((prop) => props[prop] !== undefined);
  return found([
    onDemand === true &&
      needsPollers.length > 0 && {
        id: 'kafka-needs-provisioned-pollers',
        given: `${needsPollers.map((prop) => `\`${prop}\``).join(', ')} with onDemand`,
        allowed: 'left out: only a mapping with provisioned pollers knows it',
        change: 'remove it, or `onDemand`',
      },
    limited &&
      onFailureTopic === undefined && {
        id: 'discarded-records-are-kept',
        given: '`retryAttempts` or `maxRecordAge` is given without `onFailureTopic`',
        allowed: 'with it: what Lambda gives up is gone otherwise (lost)',
        change: 'give `onFailureTopic`, or remove both and let the consumer dead-letter records one by one',
      },
    !limited &&
      onFailureTopic !== undefined && {
        id: 'retries-are-stated',
        given: '`onFailureTopic` is given without `retryAttempts`',
        allowed:
          'with it: with a destination Lambda makes 10 of infinitely many retries, which an outage uses up',
        change: 'give `retryAttempts`, or remove `onFailureTopic`',
      },
  ]);
}

function retentionViolations(props: KafkaConsumerProps): Violation[] {
  const { receiptRetention, maxFailures = defaults.maxFailures } = props;
  return found([
    receiptRetention === undefined &&
      kafkaHorizonOf(props) === undefined && {
        id: 'known-at-synth',
        given: 'receiptRetention is left to a default that depends on a token',
        allowed: 'known at synth',
        change: 'give `receiptRetention`, or plain values for what the horizon is made of',
      },
    isKnown(maxFailures) &&
      !(Number.isInteger(maxFailures) && maxFailures >= 1 && maxFailures <= 999) && {
        id: 'failures-countable',
        given: `maxFailures is ${maxFailures}`,
        allowed: 'a whole number from 1 to 999',
        change: 'change `maxFailures`',
      },
  ]);
}

function found(some: readonly (Violation | false)[]): Violation[] {
  return some.filter((one) => one !== false);
}
