import { Duration } from 'aws-cdk-lib';
import { givesUp, givesUpBeforeTheStream } from '../outbox/outbox-inequalities.js';
import { broken, type Detected } from './detected.js';
import { sourceKind } from './mapping-source.js';
import type { TemplateResource } from './template-resource.js';
import type { Templates } from './templates.js';

/** What the mappings of DynamoDB streams and of Kinesis can lose. */
export function streamFindings(templates: Templates): (Detected | undefined)[] {
  return templates
    .of('AWS::Lambda::EventSourceMapping')
    .filter((mapping) => sourceKind(mapping, templates) === 'stream')
    .flatMap((mapping) => [
      start(mapping),
      ...givingUp(mapping),
      ...destination(mapping, templates),
      wholeBatches(mapping),
      parallel(mapping),
    ]);
}

function start(mapping: TemplateResource): Detected | undefined {
  if (mapping.get('StartingPosition') !== 'LATEST') return undefined;
  return {
    rule: 'stream-from-the-start',
    at: mapping,
    value: 'the mapping starts at LATEST',
    allowed: 'TRIM_HORIZON',
    prevents: 'records that are written while the mapping is made or changed are never seen (lost)',
    change: 'set `startingPosition` to `StartingPosition.TRIM_HORIZON`',
  };
}

/** Either end will do: a number of tries, or an age below that of the stream. -1 is none, which is the default. */
function givingUp(mapping: TemplateResource): (Detected | undefined)[] {
  const attempts = mapping.amount(['MaximumRetryAttempts'], -1);
  const age = mapping.amount(['MaximumRecordAgeInSeconds'], -1);
  if (attempts === undefined || age === undefined || attempts >= 0) return [];
  if (age === -1) return [broken(mapping, givesUp(attempts), 'set `retryAttempts` or `maxRecordAge`')];
  return [broken(mapping, givesUpBeforeTheStream(Duration.seconds(age)), 'lower `maxRecordAge`')];
}

function destination(mapping: TemplateResource, templates: Templates): (Detected | undefined)[] {
  const ends = [
    mapping.amount(['MaximumRetryAttempts'], -1),
    mapping.amount(['MaximumRecordAgeInSeconds'], -1),
  ];
  const target = mapping.get('DestinationConfig', 'OnFailure', 'Destination');
  if (target === undefined)
    return ends.every((end) => end === -1 || end === undefined)
      ? []
      : [
          {
            rule: 'discarded-records-are-kept',
            at: mapping,
            value: 'no destination on failure',
            allowed: 'an S3 bucket',
            prevents: 'a batch that is given up leaves no trace (lost)',
            change: 'set `onFailure` to an `S3OnFailureDestination`',
          },
        ];
  const type = templates.resolve(target, mapping.template)?.type;
  const known = type ?? JSON.stringify(target);
  if (!/SQS|SNS|:sqs:|:sns:/.test(known)) return [];
  return [
    {
      rule: 'discarded-records-are-whole',
      at: mapping,
      value: `what is given up goes to ${/sqs/i.test(known) ? 'SQS' : 'SNS'}`,
      allowed: 'an S3 bucket, which gets the records themselves',
      prevents: 'the destination has shard and numbers only, and the records expire after a day (lost)',
      change: 'set `onFailure` to an `S3OnFailureDestination`',
    },
  ];
}

function wholeBatches(mapping: TemplateResource): Detected | undefined {
  const reports = mapping.texts('FunctionResponseTypes').includes('ReportBatchItemFailures');
  if (reports || mapping.isOn('BisectBatchOnFunctionError')) return undefined;
  if (mapping.isOpen('FunctionResponseTypes') || mapping.isOpen('BisectBatchOnFunctionError'))
    return undefined;
  if ((mapping.amount(['BatchSize'], 100) ?? 1) <= 1) return undefined;
  return {
    rule: 'one-failure-is-one-record',
    at: mapping,
    value: 'a batch succeeds or fails as a whole',
    allowed: 'ReportBatchItemFailures, or batches that are halved on error',
    prevents:
      'records that have acted act again with the one that failed (doubled), or are given up with it (lost)',
    change: 'set `reportBatchItemFailures` or `bisectBatchOnError`',
  };
}

function parallel(mapping: TemplateResource): Detected | undefined {
  const factor = mapping.amount(['ParallelizationFactor'], 1) ?? 1;
  if (factor <= 1) return undefined;
  return {
    rule: 'order-is-per-item',
    at: mapping,
    value: `${factor} batches of a shard at once`,
    allowed: 'handlers that need the order of one item only',
    prevents: 'what several items of one aggregate say is seen out of order',
    change: 'look at the handler; number the events of an aggregate where it needs their order',
  };
}
