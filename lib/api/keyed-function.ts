import { Duration, Tokenization } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { handlerFunctionOptions } from '../consumer/handler-function-options.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { claim, claimant } from '../guarantees/claims.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { KeyedApiProps } from './idempotent-api-props.js';
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
  const receipts = { construct: dedupTable.table, name: dedupTable.table.tableName };
  const inequalities = apiInequalities({
    apiName,
    window,
    timeout,
    clientRetryHorizon: props.clientRetryHorizon ?? Duration.hours(12),
    table: dedupTable,
    namesake: claimant(receipts, apiName),
  });
  const violations = [...apiViolations(props), ...found, ...violationsOf(inequalities)];
  if (violations.length > 0) throw new InvalidProps(kind, scope.node.path, violations);
  claim(receipts, apiName, scope);

  const bucket = props.bigResponses === true ? responseBucket(scope, window, props.encryptionKey) : undefined;
  const handler = new HandlerFunction(scope, 'Handler', {
    ...handlerFunctionOptions(props),
    entry: props.entry,
    timeout,
    memorySize: props.memorySize,
    architecture: props.architecture,
    logRetention: props.logRetention,
    environment: {
      ...props.environment,
      EXACTLY_ONCE_API_NAME: apiName,
      EXACTLY_ONCE_DEDUP_TABLE: dedupTable.table.tableName,
      EXACTLY_ONCE_WINDOW_SECONDS: Tokenization.stringifyNumber(window.toSeconds()),
      ...(bucket === undefined ? {} : { EXACTLY_ONCE_RESPONSE_BUCKET: bucket.bucketName }),
    },
  });
  dedupTable.grants.commitReceipts(handler.function, props.apiName);
  if (bucket !== undefined) allowResponses(bucket, handler.role);
  GuaranteeReport.record(kind, scope, { inequalities, notes: [costNote(props)] });
  return { handler, window, timeout, responseBucket: bucket };
}

function costNote({ writesPerRequest = 1 }: KeyedApiProps): string {
  const units = 2 + 2 * writesPerRequest;
  return (
    `A request costs ${units} write units for answers up to about 700 bytes: 2 for the receipt, and 2 for each of ${writesPerRequest} items; ` +
    'each further KB of the answer costs 2 more. A replay costs as much, because DynamoDB bills the transaction that it refuses.'
  );
}
