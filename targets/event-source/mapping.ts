import {
  GetEventSourceMappingCommand,
  paginateListEventSourceMappings,
  UpdateEventSourceMappingCommand,
  type EventSourceMappingConfiguration,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MappingEnabledError, MappingInvalidError } from './errors.js';
import { compileFilter, type Filter } from './filter.js';

/** A deployed SQS mapping, with AWS's defaults filled in. */
export interface MappingSummary {
  readonly uuid: string;
  readonly functionName: string;
  readonly queueArn: string;
  readonly fifo: boolean;
  /** Messages in one invocation at most. */
  readonly batchSize: number;
  /** How long a batch is collected, counted from its first message. 0: whatever one receive brings. */
  readonly batchingWindowSeconds: number;
  /** Invocations at a time at most, as deployed. Undefined: AWS's own scaling. */
  readonly maximumConcurrency: number | undefined;
  readonly reportsBatchItemFailures: boolean;
  /** How long a received message stays hidden: the queue's setting when the runner started. */
  readonly visibilityTimeoutSeconds: number;
}

export interface Mapping extends MappingSummary {
  /** With the alias or version of the mapping, if it has one. */
  readonly functionArn: string;
  readonly queueUrl: string;
  readonly filter: Filter;
}

/**
 * The target's mappings as they are deployed, enabled or not.
 *
 * @param functionNames only mappings of these functions
 */
export async function deployedMappings(
  lambda: LambdaClient,
  functionNames?: readonly string[],
): Promise<EventSourceMappingConfiguration[]> {
  const mappings: EventSourceMappingConfiguration[] = [];
  for await (const page of paginateListEventSourceMappings({ client: lambda }, {}))
    for (const configuration of page.EventSourceMappings ?? []) {
      const functionName = configuration.FunctionArn?.split(':')[6] ?? '';
      if (functionNames === undefined || functionNames.includes(functionName)) mappings.push(configuration);
    }
  return mappings;
}

export function isQueueMapping({ EventSourceArn = '' }: EventSourceMappingConfiguration): boolean {
  return EventSourceArn.startsWith('arn:aws:sqs:');
}

/** @throws MappingInvalidError for settings that AWS refuses, and for those that are not played */
export async function readMapping(
  sqs: SQSClient,
  configuration: EventSourceMappingConfiguration,
): Promise<Mapping> {
  const functionName = configuration.FunctionArn?.split(':')[6] ?? '';
  const queueArn = configuration.EventSourceArn ?? '';
  const [, , , , accountId, queueName = ''] = queueArn.split(':');
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: queueName, QueueOwnerAWSAccountId: accountId }),
  );
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['VisibilityTimeout'] }),
  );
  const fifo = queueName.endsWith('.fifo');
  const summary: MappingSummary = {
    uuid: configuration.UUID ?? '',
    functionName,
    queueArn,
    fifo,
    batchSize: configuration.BatchSize ?? 10,
    batchingWindowSeconds: configuration.MaximumBatchingWindowInSeconds ?? 0,
    maximumConcurrency: configuration.ScalingConfig?.MaximumConcurrency,
    reportsBatchItemFailures: (configuration.FunctionResponseTypes ?? []).includes('ReportBatchItemFailures'),
    visibilityTimeoutSeconds: Number(Attributes?.['VisibilityTimeout'] ?? 30),
  };
  const problems = refusedSettings(summary);
  let filter: Filter = () => true;
  try {
    filter = compileFilter(
      (configuration.FilterCriteria?.Filters ?? []).map(({ Pattern }) => Pattern ?? '{}'),
    );
  } catch (error) {
    problems.push((error as Error).message);
  }
  if (problems.length > 0) throw new MappingInvalidError(summary.uuid, problems);
  return { ...summary, functionArn: configuration.FunctionArn ?? '', queueUrl: QueueUrl ?? '', filter };
}

/**
 * What AWS refuses and emulators accept: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
 */
function refusedSettings(mapping: MappingSummary): string[] {
  const { fifo, batchSize, batchingWindowSeconds, visibilityTimeoutSeconds } = mapping;
  const refusals: [boolean, string][] = [
    [fifo && batchSize > 10, `batch size ${batchSize} on a FIFO queue, at most 10 is allowed`],
    [batchSize < 1 || batchSize > 10_000, `batch size ${batchSize}, 1 to 10,000 is allowed`],
    [
      !fifo && batchSize > 10 && batchingWindowSeconds < 1,
      `batch size ${batchSize} without a batching window, more than 10 needs a window of at least 1 s`,
    ],
    [fifo && batchingWindowSeconds > 0, 'a batching window on a FIFO queue, which has none'],
    [
      batchingWindowSeconds > 300,
      `a batching window of ${batchingWindowSeconds} s, at most 300 s is allowed`,
    ],
    [
      // AWS takes it, asks for 6 x timeout + window, and leaves open what such a batch holds:
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      !fifo && batchingWindowSeconds > 0 && batchingWindowSeconds >= visibilityTimeoutSeconds,
      `a batching window of ${batchingWindowSeconds} s on a queue whose visibility timeout is ${visibilityTimeoutSeconds} s: ` +
        'a message could come several times in one batch, which this runner does not play; give at least 6 x timeout + window',
    ],
  ];
  return refusals.filter(([refused]) => refused).map(([, problem]) => problem);
}

/** Turns the target's own poller off and waits until it is. */
export async function disableMapping(lambda: LambdaClient, uuid: string): Promise<void> {
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: false }));
  // AWS passes through "Disabling".
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const { State } = await lambda.send(new GetEventSourceMappingCommand({ UUID: uuid }));
    if (State === 'Disabled') return;
    await sleep(500);
  }
  await expectDisabled(lambda, uuid);
}

/** @throws MappingEnabledError when somebody turned it on again */
export async function expectDisabled(lambda: LambdaClient, uuid: string): Promise<void> {
  const { State = 'unknown' } = await lambda.send(new GetEventSourceMappingCommand({ UUID: uuid }));
  if (State !== 'Disabled') throw new MappingEnabledError(uuid, State);
}
