import { Duration, Tokenization } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { needed } from '../consumer/not-installed.js';
import { claim, claimant } from '../guarantees/claims.js';
import { durationText } from '../guarantees/duration-text.js';
import { expectKinds, kinds } from '../guarantees/expect-kinds.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { violationsOf } from '../guarantees/inequality.js';
import { uncheckedInPostgres } from '../guarantees/one-store.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import { pinName } from '../guarantees/pinned-names.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { KeyedApiProps } from './idempotent-api-props.js';
import { requestCost } from './request-cost.js';
import { apiInequalities, apiViolations } from './idempotent-api-rules.js';
import { allowResponses, responseBucket } from './response-bucket.js';

/** The function of an API, with what it keeps. */
export interface KeyedFunction {
  readonly handler: HandlerFunction;
  readonly window: Duration;
  readonly timeout: Duration;
  readonly responseBucket?: Bucket;
}

/**
 * The function behind an API, once its props are found to hold together.
 *
 * @param scope the API, whose name on the table is claimed
 * @param kind its class
 * @param found what is wrong with the props that only this kind has
 * @throws InvalidProps
 */
export function keyedFunction(
  scope: Construct,
  kind: string,
  props: KeyedApiProps,
  found: readonly Violation[],
): KeyedFunction {
  const { apiName, dedupTable, window = Duration.hours(24), timeout = Duration.seconds(10) } = props;
  if (dedupTable !== undefined) expectKinds(kind, scope, { dedupTable: [kinds.dedupTable, dedupTable] });
  const receipts = dedupTable && { construct: dedupTable.table, name: dedupTable.table.tableName };
  const inequalities = apiInequalities({
    apiName,
    window,
    timeout,
    clientRetryHorizon: props.clientRetryHorizon ?? Duration.hours(12),
    table: dedupTable,
    namesake: receipts && claimant(receipts, apiName),
  });
  const violations = [
    ...apiViolations(props),
    ...found,
    ...violationsOf(inequalities),
    ...tableElsewhere(scope, 'dedupTable', dedupTable?.table),
  ];
  if (violations.length > 0) throw new InvalidProps(kind, scope.node.path, violations);
  if (receipts !== undefined) claim(receipts, apiName, scope);
  pinName(scope, () => apiName);

  const bucket = props.bigResponses === true ? responseBucket(scope, window, props.encryptionKey) : undefined;
  const handler = new HandlerFunction(scope, 'Handler', {
    ...handlerFunctionOptions(props),
    entry: props.entry,
    timeout,
    memorySize: props.memorySize,
    architecture: props.architecture,
    logRetention: props.logRetention,
    encryptionKey: props.encryptionKey,
    environment: {
      ...props.environment,
      EXACTLY_ONCE_API_NAME: apiName,
      ...(receipts === undefined ? {} : { EXACTLY_ONCE_DEDUP_TABLE: receipts.name }),
      EXACTLY_ONCE_WINDOW_SECONDS: Tokenization.stringifyNumber(window.toSeconds()),
      ...(bucket === undefined ? {} : { EXACTLY_ONCE_RESPONSE_BUCKET: bucket.bucketName }),
    },
  });
  const missing = needed(
    props.entry,
    '@aws-sdk/client-s3',
    'the handler keeps big answers with `s3Responses`',
  );
  if (missing.length > 0) throw new InvalidProps(kind, scope.node.path, missing);
  dedupTable?.grants.commitReceipts(handler.function, props.apiName);
  if (bucket !== undefined) allowResponses(bucket, handler.role);
  GuaranteeReport.record(kind, scope, {
    claim: {
      identity: `caller and Idempotency-Key, known for ${durationText(window)}`,
      way: `effects, events and the answer in one transaction${receipts === undefined ? ' of Postgres' : ''}`,
      brokenBy: [`a retry after ${durationText(window)}`, 'effects outside the transaction'],
    },
    inequalities,
    cost: requestCost(kind === 'IdempotentRestApi', props, window),
    notes: [
      receipts === undefined
        ? uncheckedInPostgres
        : 'Each further KB of an answer above about 700 bytes costs 2 write units more. A replay costs as much as the first, because DynamoDB bills the transaction that it refuses.',
    ],
  });
  return { handler, window, timeout, responseBucket: bucket };
}
