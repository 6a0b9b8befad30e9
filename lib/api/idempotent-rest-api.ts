import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  Period,
  RestApi,
  type StageOptions,
  type UsagePlan,
} from 'aws-cdk-lib/aws-apigateway';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Alarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import {
  AnyPrincipal,
  Effect,
  Grant,
  type IGrantable,
  PolicyDocument,
  PolicyStatement,
} from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { Violation } from '../guarantees/invalid-props.js';
import { apiAlarms } from './api-alarms.js';
import { logGroup } from '../consumer/log-group.js';
import { accessLogFormat } from './api-logs.js';
import { crossOrigin, readHeaders } from './cross-origin.js';
import type { IdempotentRestApiProps } from './idempotent-rest-api-props.js';
import { keyedFunction } from './keyed-function.js';
import { acknowledge } from './rest-acknowledgements.js';
import { throttle } from './throttle.js';

/**
 * A REST API whose requests act once per caller and Idempotency-Key: for a firewall, usage plans or a private
 * endpoint, which an HTTP API does not have. Its entry exports `restApiHandler(idempotentApi({ ... }))`.
 *
 * What is guaranteed and what is not is as of `IdempotentApi`.
 *
 * Defaults imposed: callers who sign (IAM), throttling, access logs, bodies and answers of bytes, permissions on the
 * receipts only, alarms, and the environment variables of `IdempotentApi`.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/api.md
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html
 */
export class IdempotentRestApi extends Construct {
  public readonly apiName: string;
  /** How long a key is known. */
  public readonly window: Duration;
  public readonly restApi: RestApi;
  /** Where clients send, without a slash at the end. */
  public readonly url: string;
  /** The function that serves; grant it what its handler writes. */
  public readonly function: LambdaFunction;
  public readonly accessLogs: LogGroup;
  /** Where big answers are kept, with `bigResponses`. */
  public readonly responseBucket?: Bucket;
  /** With `apiKeys`: add the keys of callers to it. */
  public readonly usagePlan?: UsagePlan;
  /** Goes off when more than 5 requests of 5 minutes are answered with 5xx. Give it an action. */
  public readonly serverErrorAlarm: Alarm;
  /**
   * Goes off when 1 % of the requests of 5 minutes take more than 80 % of the timeout: beyond it nobody knows what
   * came of them.
   */
  public readonly latencyAlarm: Alarm;
  private readonly methods: Method[] = [];

  constructor(scope: Construct, id: string, props: IdempotentRestApiProps) {
    super(scope, id);
    const { handler, window, timeout, responseBucket } = keyedFunction(
      this,
      'IdempotentRestApi',
      props,
      restViolations(props),
    );
    this.apiName = props.apiName;
    this.window = window;
    this.function = handler.function;
    this.responseBucket = responseBucket;
    this.accessLogs = logGroup(this, 'AccessLogs', props);
    this.restApi = this.addApi(props);
    this.addRoutes(props);
    if (props.apiKeys === true) this.usagePlan = this.addUsagePlan(props);
    if (props.webAclArn !== undefined)
      new CfnWebACLAssociation(this, 'WebAcl', {
        resourceArn: this.restApi.deploymentStage.stageArn,
        webAclArn: props.webAclArn,
      });
    const chosen = { authorizer: props.authorizer !== undefined, webAcl: props.webAclArn !== undefined };
    acknowledge(this.restApi, this.methods, chosen);
    this.url = this.restApi.url.replace(/\/$/, '');
    const { serverErrorAlarm, latencyAlarm } = apiAlarms(this, {
      serverErrors: this.metricServerErrors(),
      latency: this.metricLatency({ statistic: 'p99' }),
      timeout,
    });
    this.serverErrorAlarm = serverErrorAlarm;
    this.latencyAlarm = latencyAlarm;
  }

  /** For callers of an API with IAM, which is the default: call every route, with its methods. */
  public grantInvoke(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ['execute-api:Invoke'],
      resourceArns: this.methods.map(({ methodArn }) => methodArn),
    });
  }

  /**
   * Requests.
   *
   * @default - sum over 5 minutes
   */
  public metricRequests(props?: MetricOptions): Metric {
    return this.restApi.metricCount({ statistic: 'Sum', ...props });
  }

  /**
   * Requests answered with 5xx: nobody knows what came of them until they are sent again.
   *
   * @default - sum over 5 minutes
   */
  public metricServerErrors(props?: MetricOptions): Metric {
    return this.restApi.metricServerError({ statistic: 'Sum', ...props });
  }

  /**
   * Time from request to answer, in milliseconds.
   *
   * @default - average over 5 minutes
   */
  public metricLatency(props?: MetricOptions): Metric {
    return this.restApi.metricLatency(props);
  }

  private addApi(props: IdempotentRestApiProps): RestApi {
    const { vpcEndpoints, accountLogRole = false } = props;
    const cors = crossOrigin(props);
    const isPrivate = vpcEndpoints !== undefined;
    return new RestApi(this, 'Resource', {
      restApiName: props.apiName,
      endpointConfiguration: {
        types: [isPrivate ? EndpointType.PRIVATE : EndpointType.REGIONAL],
        vpcEndpoints,
      },
      policy: isPrivate ? onlyFrom(vpcEndpoints.map(({ vpcEndpointId }) => vpcEndpointId)) : undefined,
      // Bodies in gzip, and answers of bytes.
      binaryMediaTypes: ['*/*'],
      cloudWatchRole: accountLogRole,
      cloudWatchRoleRemovalPolicy: accountLogRole ? RemovalPolicy.RETAIN : undefined,
      deployOptions: this.stageOptions(props),
      defaultCorsPreflightOptions: cors && { ...cors, exposeHeaders: readHeaders, maxAge: Duration.hours(1) },
    });
  }

  private stageOptions(props: IdempotentRestApiProps): StageOptions {
    const { rateLimit, burstLimit } = throttle(props);
    return {
      stageName: 'live',
      throttlingRateLimit: rateLimit,
      throttlingBurstLimit: burstLimit,
      // Execution logs hold bodies and keys.
      loggingLevel: MethodLoggingLevel.OFF,
      metricsEnabled: true,
      accessLogDestination: new LogGroupLogDestination(this.accessLogs),
      accessLogFormat: accessLogFormat(
        '$context.httpMethod $context.resourcePath',
        props.callersInAccessLogs,
      ),
    };
  }

  private addRoutes({ routes, authorizer, apiKeys = false }: IdempotentRestApiProps): void {
    const integration = new LambdaIntegration(this.function);
    for (const { path, methods = [HttpMethod.POST] } of routes)
      for (const method of methods)
        this.methods.push(
          this.restApi.root.resourceForPath(path).addMethod(method, integration, {
            apiKeyRequired: apiKeys,
            ...(authorizer === undefined ? { authorizationType: AuthorizationType.IAM } : { authorizer }),
          }),
        );
  }

  private addUsagePlan(props: IdempotentRestApiProps): UsagePlan {
    const { dailyQuota } = props;
    return this.restApi.addUsagePlan('UsagePlan', {
      throttle: throttle(props),
      quota: dailyQuota === undefined ? undefined : { limit: dailyQuota, period: Period.DAY },
      apiStages: [{ api: this.restApi, stage: this.restApi.deploymentStage }],
    });
  }
}

/**
 * Who comes through one of the endpoints may call, if its authorizer lets it; nobody else, whatever IAM says.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html
 */
function onlyFrom(vpcEndpointIds: string[]): PolicyDocument {
  const statement = (effect: Effect, conditions?: object) =>
    new PolicyStatement({
      effect,
      principals: [new AnyPrincipal()],
      actions: ['execute-api:Invoke'],
      resources: ['execute-api:/*'],
      conditions: conditions as Record<string, unknown> | undefined,
    });
  return new PolicyDocument({
    statements: [
      statement(Effect.ALLOW),
      statement(Effect.DENY, { StringNotEquals: { 'aws:SourceVpce': vpcEndpointIds } }),
    ],
  });
}

function restViolations({ apiKeys, dailyQuota, vpcEndpoints }: IdempotentRestApiProps): Violation[] {
  const violations: (Violation | undefined | false)[] = [
    dailyQuota !== undefined &&
      apiKeys !== true && {
        id: 'quota-needs-keys',
        given: '`dailyQuota` without `apiKeys`',
        allowed: 'with `apiKeys: true`, because quotas are counted by API key',
        change: 'set `apiKeys`, or remove `dailyQuota`',
      },
    dailyQuota !== undefined &&
      !(dailyQuota > 0) && {
        id: 'quota-above-zero',
        given: `dailyQuota is ${dailyQuota}`,
        allowed: 'above 0, which would refuse every request',
        change: 'change `dailyQuota`',
      },
    vpcEndpoints?.length === 0 && {
      id: 'endpoints-given',
      given: '`vpcEndpoints` is empty',
      allowed: 'one or more',
      change: 'give the endpoints that may call, or remove `vpcEndpoints`',
    },
  ];
  return violations.filter((violation) => typeof violation === 'object');
}
