import { Duration, Tokenization, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  type HttpRoute,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  type Metric,
  type MetricOptions,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { HandlerFunction } from '../consumer/handler-function.js';
import { claim, claimant } from '../guarantees/claims.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { IdempotentApiGrants } from './idempotent-api-grants.js';
import type { IdempotentApiProps } from './idempotent-api-props.js';
import { apiInequalities, apiViolations } from './idempotent-api-rules.js';
import { allowResponses, responseBucket } from './response-bucket.js';

/**
 * An HTTP API whose requests act once per caller and Idempotency-Key.
 *
 * Guaranteed for what the handler puts into its transaction (`idempotentApi` of this package): those writes, the
 * events among them, and the answer are committed together or not at all, and within the window a request whose key
 * is known is answered with what was saved. Not covered: effects outside the transaction, a key after its window, and
 * a handler that does not use the runtime.
 *
 * Defaults imposed: callers who sign (IAM), throttling, access logs, permissions on the receipts only, and the
 * environment variables EXACTLY_ONCE_API_NAME, EXACTLY_ONCE_DEDUP_TABLE, EXACTLY_ONCE_WINDOW_SECONDS and, with
 * `bigResponses`, EXACTLY_ONCE_RESPONSE_BUCKET.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/api.md
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
 */
export class IdempotentApi extends Construct {
  public readonly apiName: string;
  /** How long a key is known. */
  public readonly window: Duration;
  public readonly httpApi: HttpApi;
  public readonly stage: HttpStage;
  /** Where clients send, without a slash at the end. */
  public readonly url: string;
  /** The function that serves; grant it what its handler writes. */
  public readonly function: LambdaFunction;
  public readonly accessLogs: LogGroup;
  /** Where big answers are kept, with `bigResponses`. */
  public readonly responseBucket?: Bucket;
  /** Permissions on the API. */
  public readonly grants: IdempotentApiGrants;
  /** Goes off when more than 5 requests of 5 minutes are answered with 5xx. Give it an action. */
  public readonly serverErrorAlarm: Alarm;
  /**
   * Goes off when 1 % of the requests of 5 minutes take more than 80 % of the timeout: beyond it nobody knows what
   * came of them.
   */
  public readonly latencyAlarm: Alarm;

  constructor(scope: Construct, id: string, props: IdempotentApiProps) {
    super(scope, id);
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
    const violations = [...apiViolations(props), ...violationsOf(inequalities)];
    if (violations.length > 0) throw new InvalidProps('IdempotentApi', this.node.path, violations);
    claim(receipts, apiName, this);

    this.apiName = apiName;
    this.window = window;
    if (props.bigResponses === true) this.responseBucket = responseBucket(this, window);
    const handler = new HandlerFunction(this, 'Handler', {
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
        ...(this.responseBucket === undefined
          ? {}
          : { EXACTLY_ONCE_RESPONSE_BUCKET: this.responseBucket.bucketName }),
      },
    });
    this.function = handler.function;
    dedupTable.grants.commitReceipts(this.function, apiName);
    if (this.responseBucket !== undefined) allowResponses(this.responseBucket, handler.role);

    this.httpApi = new HttpApi(this, 'Resource', { createDefaultStage: false });
    const routes = this.addRoutes(props);
    this.grants = new IdempotentApiGrants(routes);
    this.accessLogs = new LogGroup(this, 'AccessLogs', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
    });
    this.stage = this.addStage(props);
    this.url = this.httpApi.apiEndpoint;

    // A count: a rate needs metric math, which the local targets do not know.
    this.serverErrorAlarm = this.alarm('ServerErrorAlarm', this.metricServerErrors(), 5);
    this.latencyAlarm = this.alarm(
      'LatencyAlarm',
      this.metricLatency({ statistic: 'p99' }),
      0.8 * timeout.toMilliseconds(),
    );
    GuaranteeReport.record('IdempotentApi', this, { inequalities, notes: [costNote(props)] });
  }

  /** Shorthand for `grants.invoke`. */
  public grantInvoke(grantee: IGrantable): Grant {
    return this.grants.invoke(grantee);
  }

  /**
   * Requests.
   *
   * @default - sum over 5 minutes
   */
  public metricRequests(props?: MetricOptions): Metric {
    return this.stage.metricCount({ statistic: 'Sum', ...props });
  }

  /**
   * Requests answered with 5xx: nobody knows what came of them until they are sent again.
   *
   * @default - sum over 5 minutes
   */
  public metricServerErrors(props?: MetricOptions): Metric {
    return this.stage.metricServerError({ statistic: 'Sum', ...props });
  }

  /**
   * Requests answered with 4xx.
   *
   * @default - sum over 5 minutes
   */
  public metricClientErrors(props?: MetricOptions): Metric {
    return this.stage.metricClientError({ statistic: 'Sum', ...props });
  }

  /**
   * Time from request to answer, in milliseconds.
   *
   * @default - average over 5 minutes
   */
  public metricLatency(props?: MetricOptions): Metric {
    return this.stage.metricLatency(props);
  }

  private addRoutes({ routes, authorizer, anonymous }: IdempotentApiProps): HttpRoute[] {
    const integration = new HttpLambdaIntegration('Handler', this.function);
    const added = routes.flatMap(({ path, methods = [HttpMethod.POST] }) =>
      this.httpApi.addRoutes({
        path,
        methods,
        integration,
        authorizer: anonymous === true ? new HttpNoneAuthorizer() : (authorizer ?? new HttpIamAuthorizer()),
      }),
    );
    if (anonymous === true)
      for (const route of added)
        Validations.of(route).acknowledge({
          id: 'AwsSolutions-APIG4',
          reason: 'The author of the stack has chosen `anonymous`: everybody may call.',
        });
    return added;
  }

  private addStage({ rateLimit = 500, burstLimit = 1_000 }: IdempotentApiProps): HttpStage {
    return new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit, burstLimit },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLogs),
        format: AccessLogFormat.custom(
          JSON.stringify({
            requestId: '$context.requestId',
            time: '$context.requestTimeEpoch',
            caller: '$context.identity.userArn',
            sourceIp: '$context.identity.sourceIp',
            route: '$context.routeKey',
            status: '$context.status',
            latency: '$context.responseLatency',
            error: '$context.integrationErrorMessage',
          }),
        ),
      },
    });
  }

  private alarm(id: string, metric: IMetric, threshold: number): Alarm {
    return new Alarm(this, id, {
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // API Gateway sends no metrics while nobody calls.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  }
}

function costNote({ writesPerRequest = 1 }: IdempotentApiProps): string {
  const units = 2 + 2 * writesPerRequest;
  return (
    `A request costs ${units} write units for answers up to about 700 bytes: 2 for the receipt, and 2 for each of ${writesPerRequest} items; ` +
    'each further KB of the answer costs 2 more. A replay costs as much, because DynamoDB bills the transaction that it refuses.'
  );
}
