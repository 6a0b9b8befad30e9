import { Duration, Validations } from 'aws-cdk-lib';
import {
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  type HttpRoute,
  type HttpStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Alarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { apiAlarms } from './api-alarms.js';
import { httpStage } from './http-stage.js';
import { logGroup } from '../consumer/log-group.js';
import { crossOrigin, readHeaders } from './cross-origin.js';
import { IdempotentApiGrants } from './idempotent-api-grants.js';
import type { IdempotentApiProps } from './idempotent-api-props.js';
import { callerViolations } from './idempotent-api-rules.js';
import { keyedFunction } from './keyed-function.js';

/**
 * An HTTP API whose requests act once per caller and Idempotency-Key.
 *
 * Guaranteed for what the handler puts into its transaction (`idempotentApi` or `postgresIdempotentApi` of this package): those writes, the
 * events among them, and the answer are committed together or not at all, and within the window a request whose key
 * is known is answered with what was saved. Not covered: effects outside the transaction, a key after its window, and
 * a handler that does not use the runtime.
 *
 * Defaults imposed: callers who sign (IAM), throttling, access logs, permissions on the receipts only, and the
 * environment variables EXACTLY_ONCE_API_NAME, EXACTLY_ONCE_DEDUP_TABLE, EXACTLY_ONCE_WINDOW_SECONDS and, with
 * `bigResponses`, EXACTLY_ONCE_RESPONSE_BUCKET. With `receiptsInPostgres` there is no EXACTLY_ONCE_DEDUP_TABLE, and
 * nothing is granted on a table.
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
    const { handler, window, timeout, responseBucket } = keyedFunction(
      this,
      'IdempotentApi',
      props,
      callerViolations(props),
    );
    this.apiName = props.apiName;
    this.window = window;
    this.function = handler.function;
    this.responseBucket = responseBucket;

    const cors = crossOrigin(props);
    this.httpApi = new HttpApi(this, 'Resource', {
      createDefaultStage: false,
      corsPreflight: cors && {
        ...cors,
        allowMethods: methodsOf(props),
        exposeHeaders: readHeaders,
        maxAge: Duration.hours(1),
      },
    });
    this.grants = new IdempotentApiGrants(this.addRoutes(props));
    this.accessLogs = logGroup(this, 'AccessLogs', props);
    this.stage = httpStage(this, this.httpApi, this.accessLogs, props);
    this.url = this.httpApi.apiEndpoint;

    const { serverErrorAlarm, latencyAlarm } = apiAlarms(this, {
      serverErrors: this.metricServerErrors(),
      latency: this.metricLatency({ statistic: 'p99' }),
      timeout,
    });
    this.serverErrorAlarm = serverErrorAlarm;
    this.latencyAlarm = latencyAlarm;
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
}

/** Those of all routes. A route with any method may be called with all. */
function methodsOf({ routes }: IdempotentApiProps): CorsHttpMethod[] {
  const methods = new Set(routes.flatMap(({ methods = [HttpMethod.POST] }) => methods));
  // One set of names in two enums.
  return [...methods].map((method) => CorsHttpMethod[method]);
}
