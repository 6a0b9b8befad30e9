import { Validations } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { httpStage } from '../api/http-stage.js';
import { logGroup } from '../consumer/log-group.js';
import { HandlerFunction, type HandlerFunctionResources } from '../consumer/handler-function.js';
import type { WebhookSender } from './webhook-sender.js';

export interface WebhookPageProps extends HandlerFunctionResources {
  /** Whose endpoints and deliveries are shown. */
  readonly sender: WebhookSender;

  /**
   * What signs links: a text of 32 bytes or more, or a JSON list of texts and `{ "secret", "until" }` while one
   * follows another, the newest first. Whoever reads it can open the page of every tenant.
   */
  readonly secret: ISecret;

  /** Absolute path of the file that exports `handler`: `webhookPage({ ... })` of `exactly-once-aws/webhook/page`. */
  readonly entry: string;
}

/**
 * The page on which tenants see their endpoints and deliveries, by links that expire.
 *
 * Defaults imposed: an HTTP API at the root of its host, with 20 requests per second, 40 at once and access logs, a
 * function that may read, put and update rows of the sender's table (and delete none), wake its worker and read the
 * one secret, and its environment variable EXACTLY_ONCE_WEBHOOK_PAGE_SECRET beside those of the sender.
 */
export class WebhookPage extends Construct {
  public readonly function: LambdaFunction;
  public readonly httpApi: HttpApi;

  constructor(scope: Construct, id: string, props: WebhookPageProps) {
    super(scope, id);
    const { sender, secret, ...rest } = props;
    const { function: made } = new HandlerFunction(this, 'Handler', {
      ...rest,
      environment: { ...props.environment, EXACTLY_ONCE_WEBHOOK_PAGE_SECRET: secret.secretArn },
    });
    this.function = made;
    sender._addPage(made);
    secret.grantRead(made);
    this.httpApi = new HttpApi(this, 'Resource', { createDefaultStage: false });
    httpStage(this, this.httpApi, logGroup(this, 'AccessLogs', props), { rateLimit: 20, burstLimit: 40 });
    const routes = this.httpApi.addRoutes({
      path: '/{proxy+}',
      methods: [HttpMethod.GET, HttpMethod.POST],
      integration: new HttpLambdaIntegration('Handler', made),
      authorizer: new HttpNoneAuthorizer(),
    });
    const root = this.httpApi.addRoutes({
      path: '/',
      methods: [HttpMethod.GET, HttpMethod.POST],
      integration: new HttpLambdaIntegration('Root', made),
      authorizer: new HttpNoneAuthorizer(),
    });
    for (const route of [...routes, ...root])
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason: 'The handler checks the signed link or session of every request.',
      });
  }

  /** Where the page is: what `webhookPageLink` is given as `url`. */
  public get url(): string {
    return this.httpApi.apiEndpoint;
  }
}
