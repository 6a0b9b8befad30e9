import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { LambdaClient, type EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../target.js';
import { waitUntilActive } from './active.js';
import { MappingInvalidError, RunnerStoppedError } from './errors.js';
import {
  deployedMappings,
  disableMapping,
  expectDisabled,
  isQueueMapping,
  readMapping,
  type Mapping,
  type MappingSummary,
} from './mapping.js';
import { Poller, type InvocationHooks } from './poller.js';
import { isKafkaMapping, readKafkaMapping, type KafkaMapping } from './kafka/mapping.js';
import { KafkaPlayer, type OpenTopic } from './kafka/player.js';
import { Destination } from './streams/destination.js';
import {
  isStreamMapping,
  readStreamMapping,
  type StreamMapping,
  type StreamMappingSummary,
} from './streams/mapping.js';
import { StreamPoller } from './streams/poller.js';

export type {
  Invocation,
  InvocationHooks,
  InvocationStart,
  KafkaInvocationStart,
  StreamInvocationStart,
} from './poller.js';
export type { LogRecord, NewRecord, TopicLog } from './kafka/log.js';
export type { KafkaMapping } from './kafka/mapping.js';
export type { OpenTopic } from './kafka/player.js';
export type { MappingSummary } from './mapping.js';
export type { StreamMappingSummary } from './streams/mapping.js';
export type { StreamRecord } from './streams/record.js';

/** A target runs one process per concurrent invocation, 60 MB each. */
const processesPerMapping = 8;
const idlePauseMs = 100;

export interface EventSourceRunner {
  /** What is played of queues, one entry per mapping. */
  readonly mappings: readonly MappingSummary[];
  /** What is played of DynamoDB streams. */
  readonly streamMappings: readonly StreamMappingSummary[];
  /** What is played of topics. */
  readonly kafkaMappings: readonly KafkaMapping[];
  /**
   * Resolves when for `quietMs` nothing was received and nothing was in flight, every queue reports no message that
   * is visible, hidden or delayed, and every stream is read to its end. A message that fails for ever keeps it
   * waiting until it is dead-lettered, a record of a stream until it is discarded.
   *
   * @throws RunnerStoppedError when the target stopped answering, or a hook threw
   * @throws MappingEnabledError when somebody turned the target's own poller on meanwhile
   */
  idle(quietMs: number): Promise<void>;
  /** Stops receiving and waits for the invocations in flight. The target's mappings stay disabled. */
  stop(): Promise<void>;
}

export interface EventSourceRunnerOptions extends InvocationHooks {
  /** Play the mappings of these functions only. @default - all */
  readonly functionNames?: readonly string[];
  /** Invocations of a queue's mapping at a time at most, whatever is deployed. @default 8 */
  readonly concurrency?: number;
  /**
   * Called once for each source that is not read any more, such as a queue that was deleted: the others go on. Who
   * never asks `idle`, which throws the first of these, would not hear of it. @default - told by `idle` only
   */
  readonly onStopped?: (error: RunnerStoppedError) => void;
  /** The time by which records of a stream are too old, in milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
  /** How to read topics. @default - mappings of topics are left alone */
  readonly openTopic?: OpenTopic;
  /** What of a topic comes again after a partial response: AWS's page leaves it open. @default 'from-lowest' */
  readonly comesAgain?: 'reported' | 'from-lowest';
}

/**
 * Plays the target's event source mappings of queues, DynamoDB streams and Kafka topics by AWS's rules, each with its
 * source and its test in docs/targets/event-source.md. Reads the mappings once, now: those deployed as disabled are
 * played, too. Each is disabled on the target before its source is first read.
 *
 * @throws MappingInvalidError for settings that AWS would refuse, and for those that it does not play
 * @throws FunctionNotActiveError when a function could not be made, or is not ready after two minutes
 */
export async function startEventSourceRunner(
  target: Target,
  options: EventSourceRunnerOptions = {},
): Promise<EventSourceRunner> {
  const sqs = new SQSClient(target.client);
  // An invocation that the SDK sends a second time by itself would be one too many.
  const lambda = new LambdaClient({ ...target.client, maxAttempts: 1 });
  const streams = new DynamoDBStreamsClient(target.client);
  const destination = new Destination(target, sqs);
  const close = () => {
    for (const client of [sqs, lambda, streams]) client.destroy();
    destination.close();
  };
  try {
    const { queues, tables, topics } = await takeOver(lambda, sqs, options);
    const queuePollers = queues.map((mapping) => {
      const most = options.concurrency ?? processesPerMapping;
      const concurrency = Math.min(mapping.maximumConcurrency ?? most, most);
      return new Poller(mapping, concurrency, sqs, lambda, options);
    });
    const shared = { streams, lambda, destination, hooks: options, now: options.now ?? Date.now };
    const streamPollers = await Promise.all(tables.map((mapping) => StreamPoller.open(mapping, shared)));
    const { openTopic, comesAgain = 'from-lowest' } = options;
    const kafkaPlayers =
      openTopic === undefined
        ? []
        : await Promise.all(
            topics.map((mapping) => KafkaPlayer.open(mapping, { ...shared, openTopic, comesAgain })),
          );
    const { onStopped } = options;
    return play({
      ...{ sqs, lambda, close, queues, tables, topics, queuePollers, streamPollers, kafkaPlayers, onStopped },
    });
  } catch (error) {
    close();
    throw error;
  }
}

interface Played {
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly close: () => void;
  readonly queues: readonly Mapping[];
  readonly tables: readonly StreamMapping[];
  readonly topics: readonly KafkaMapping[];
  readonly queuePollers: readonly Poller[];
  readonly streamPollers: readonly StreamPoller[];
  readonly kafkaPlayers: readonly KafkaPlayer[];
  readonly onStopped: EventSourceRunnerOptions['onStopped'];
}

function play(played: Played): EventSourceRunner {
  const { sqs, lambda, queues, tables, topics, streamPollers, kafkaPlayers } = played;
  const pollers = [...played.queuePollers, ...streamPollers, ...kafkaPlayers];
  const sources = [
    ...queues.map(({ queueArn }) => queueArn),
    ...tables.map(({ streamArn }) => streamArn),
    ...topics.map(({ topic }) => topic),
  ];
  let failure: RunnerStoppedError | undefined;
  const runs = pollers.map((poller, index) =>
    poller.run().catch((cause: unknown) => {
      const stopped = new RunnerStoppedError(sources[index] ?? '', cause);
      failure ??= stopped;
      played.onStopped?.(stopped);
    }),
  );
  const invocations = () => pollers.reduce((sum, poller) => sum + poller.invocations, 0);
  const quiet = (quietMs: number) => pollers.every((poller) => poller.quietMs >= quietMs);
  const empty = async () =>
    (await allEmpty(sqs, queues)) &&
    (await Promise.all([...streamPollers, ...kafkaPlayers].map((one) => one.empty()))).every(Boolean);

  return {
    mappings: queues,
    streamMappings: tables,
    kafkaMappings: topics,
    idle: async (quietMs) => {
      for (;;) {
        if (failure !== undefined) throw failure;
        // What moves from one source to the next while they are looked at, one after the other, is seen by its
        // invocation.
        const before = invocations();
        if (quiet(quietMs) && (await empty()) && quiet(quietMs) && invocations() === before) break;
        await sleep(Math.min(idlePauseMs, quietMs));
      }
      for (const { uuid } of [...queues, ...tables, ...topics]) await expectDisabled(lambda, uuid);
    },
    stop: async () => {
      for (const poller of pollers) poller.stop();
      await Promise.all(runs);
      played.close();
    },
  };
}

async function takeOver(
  lambda: LambdaClient,
  sqs: SQSClient,
  { functionNames, openTopic }: EventSourceRunnerOptions,
): Promise<{ queues: Mapping[]; tables: StreamMapping[]; topics: KafkaMapping[] }> {
  const deployed = await deployedMappings(lambda, functionNames);
  const queues: Mapping[] = [];
  for (const one of deployed.filter(isQueueMapping)) queues.push(await readMapping(sqs, one));
  const tables = deployed.filter(isStreamMapping).map(readStreamMapping);
  const topics = openTopic === undefined ? [] : deployed.filter(isKafkaMapping).map(readKafkaMapping);
  expectNoTwins(deployed);
  const functions = new Set([...queues, ...tables, ...topics].map(({ functionArn }) => functionArn));
  await Promise.all([...functions].map((one) => waitUntilActive(lambda, one)));
  for (const { uuid } of [...queues, ...tables, ...topics]) await disableMapping(lambda, uuid);
  return { queues, tables, topics };
}

/** @throws MappingInvalidError for a second mapping of one source and function: AWS refuses to create it */
function expectNoTwins(deployed: readonly EventSourceMappingConfiguration[]): void {
  const seen = new Map<string, string>();
  for (const { UUID = '', FunctionArn = '', EventSourceArn = '', Topics = [] } of deployed) {
    const pair = `${EventSourceArn} ${Topics.join()} ${FunctionArn}`;
    const first = seen.get(pair);
    if (first !== undefined)
      throw new MappingInvalidError(UUID, [`mapping ${first} is of the same source and function`]);
    seen.set(pair, UUID);
  }
}

async function allEmpty(sqs: SQSClient, mappings: readonly Mapping[]): Promise<boolean> {
  for (const { queueUrl, queueArn } of mappings) {
    const { Attributes = {} } = await sqs
      .send(
        new GetQueueAttributesCommand({
          QueueUrl: queueUrl,
          AttributeNames: [
            'ApproximateNumberOfMessages',
            'ApproximateNumberOfMessagesNotVisible',
            'ApproximateNumberOfMessagesDelayed',
          ],
        }),
      )
      .catch((cause: unknown) => {
        throw new RunnerStoppedError(queueArn, cause);
      });
    if (Object.values(Attributes).some((count) => count !== '0')) return false;
  }
  return true;
}
