import type { EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import { MappingInvalidError } from '../errors.js';
import { compileRecordFilter, type Filter } from '../filter.js';

/** A deployed mapping of a DynamoDB stream, with AWS's defaults filled in. */
export interface StreamMappingSummary {
  readonly uuid: string;
  readonly functionName: string;
  readonly streamArn: string;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** Records in one invocation at most. */
  readonly batchSize: number;
  /** How long a batch is collected, counted from its first record. 0: whatever has been read. */
  readonly batchingWindowSeconds: number;
  /** Batches of one shard at a time. */
  readonly parallelizationFactor: number;
  readonly reportsBatchItemFailures: boolean;
  readonly bisectsOnError: boolean;
  /** Infinity: until the records expire. */
  readonly maximumRetryAttempts: number;
  /** Infinity: until the records expire. */
  readonly maximumRecordAgeSeconds: number;
  /** ARN of the queue or bucket that is told about discarded records. */
  readonly onFailure: string | undefined;
}

export interface StreamMapping extends StreamMappingSummary {
  /** With the alias or version of the mapping, if it has one. */
  readonly functionArn: string;
  /** Takes a record as JSON. */
  readonly filter: Filter;
}

export function isStreamMapping({ EventSourceArn = '' }: EventSourceMappingConfiguration): boolean {
  return EventSourceArn.startsWith('arn:aws:dynamodb:') && EventSourceArn.includes('/stream/');
}

/** @throws MappingInvalidError for settings that AWS refuses, and for a destination that is not played */
export function readStreamMapping(configuration: EventSourceMappingConfiguration): StreamMapping {
  const summary: StreamMappingSummary = {
    uuid: configuration.UUID ?? '',
    functionName: configuration.FunctionArn?.split(':')[6] ?? '',
    streamArn: configuration.EventSourceArn ?? '',
    startingPosition: configuration.StartingPosition === 'TRIM_HORIZON' ? 'TRIM_HORIZON' : 'LATEST',
    batchSize: configuration.BatchSize ?? 100,
    batchingWindowSeconds: configuration.MaximumBatchingWindowInSeconds ?? 0,
    parallelizationFactor: configuration.ParallelizationFactor ?? 1,
    reportsBatchItemFailures: (configuration.FunctionResponseTypes ?? []).includes('ReportBatchItemFailures'),
    bisectsOnError: configuration.BisectBatchOnFunctionError ?? false,
    maximumRetryAttempts: orInfinity(configuration.MaximumRetryAttempts),
    maximumRecordAgeSeconds: orInfinity(configuration.MaximumRecordAgeInSeconds),
    onFailure: configuration.DestinationConfig?.OnFailure?.Destination,
  };
  const problems = refusedSettings(summary);
  const { StartingPosition: start = 'none' } = configuration;
  if (start !== summary.startingPosition)
    problems.push(`starting position ${start}, TRIM_HORIZON and LATEST are allowed`);
  const tumbling = configuration.TumblingWindowInSeconds ?? 0;
  if (tumbling > 0) problems.push(`a tumbling window of ${tumbling} s, which this runner does not play`);
  let filter: Filter = () => true;
  try {
    filter = compileRecordFilter(
      (configuration.FilterCriteria?.Filters ?? []).map(({ Pattern }) => Pattern ?? '{}'),
    );
  } catch (error) {
    problems.push((error as Error).message);
  }
  if (problems.length > 0) throw new MappingInvalidError(summary.uuid, problems);
  return { ...summary, functionArn: configuration.FunctionArn ?? '', filter };
}

function orInfinity(limit: number | undefined): number {
  return limit === undefined || limit === -1 ? Infinity : limit;
}

/** What AWS refuses and emulators accept: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html */
function refusedSettings(mapping: StreamMappingSummary): string[] {
  const { batchSize, batchingWindowSeconds, parallelizationFactor, maximumRetryAttempts } = mapping;
  const age = mapping.maximumRecordAgeSeconds;
  const destination = mapping.onFailure;
  const refusals: [boolean, string][] = [
    [batchSize < 1 || batchSize > 10_000, `batch size ${batchSize}, 1 to 10,000 is allowed`],
    [
      batchingWindowSeconds > 300,
      `a batching window of ${batchingWindowSeconds} s, at most 300 s is allowed`,
    ],
    [
      parallelizationFactor < 1 || parallelizationFactor > 10,
      `a parallelization factor of ${parallelizationFactor}, 1 to 10 is allowed`,
    ],
    [
      maximumRetryAttempts < 0 || (maximumRetryAttempts > 10_000 && maximumRetryAttempts !== Infinity),
      `${maximumRetryAttempts} retry attempts, -1 to 10,000 is allowed`,
    ],
    [
      age !== Infinity && (age < 60 || age > 604_800),
      `a maximum record age of ${age} s, -1 or 60 to 604,800 s is allowed`,
    ],
    [
      destination !== undefined && !/^arn:aws:(sqs:[^:]*:[^:]*:|s3:::)/.test(destination),
      `destination ${destination ?? ''}, this runner plays queues and buckets only`,
    ],
  ];
  return refusals.filter(([refused]) => refused).map(([, problem]) => problem);
}
