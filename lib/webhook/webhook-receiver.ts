import { Duration, Stack, Tokenization, Validations } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpNoneAuthorizer, type HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Alarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { apiAlarms } from '../api/api-alarms.js';
import { httpStage } from '../api/http-stage.js';
import { HandlerFunction } from '../consumer/handler-function.js';
import { logGroup } from '../consumer/log-group.js';
import { claim, claimant } from '../guarantees/claims.js';
import { durationText } from '../guarantees/duration-text.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { uncheckedInPostgres } from '../guarantees/one-store.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import { pinName } from '../guarantees/pinned-names.js';
import type { WebhookReceiverProps } from './webhook-receiver-props.js';
import { receiverInequalities, receiverViolations } from './webhook-receiver-rules.js';

/**
 * An address for each sender of webhooks, behind which each event acts once.
 *
 * Guaranteed by the handler (`webhookReceiver` of exactly-once-aws/webhook, or `postgresWebhookReceiver`): the
 * signature is checked over the bytes that came, and what an event publishes or writes is committed once within the
 * window, in one step with its receipt. Not covered: effects outside the transaction, and an event that comes again
 * after the window.
 *
 * Defaults imposed: everybody may call, because senders do not sign in; throttling, access logs without addresses and
 * bodies, permissions on the receiver's own receipts and on the secrets that are named, and the environment variables
 * EXACTLY_ONCE_WEBHOOK_RECEIVER, EXACTLY_ONCE_DEDUP_TABLE, EXACTLY_ONCE_WINDOW_SECONDS and
 * EXACTLY_ONCE_WEBHOOK_SECRETS. With `receiptsInPostgres` there is no EXACTLY_ONCE_DEDUP_TABLE, and nothing is
 * granted on a table.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/webhook.md
 */
export class WebhookReceiver extends Construct {
  public readonly receiverName: string;
  /** How long an event is known. */
  public readonly window: Duration;
  /** Where senders send, less their name: a sender is given `<url>/<name>`. */
  public readonly url: string;
  public readonly httpApi: HttpApi;
  public readonly stage: HttpStage;
  /** The function that serves; grant it what its handler writes: `outboxTable.grants.publish(receiver.function)`. */
  public readonly function: LambdaFunction;
  public readonly accessLogs: LogGroup;
  /** Goes off when more than 5 deliveries of 5 minutes are answered with 5xx. Give it an action. */
  public readonly serverErrorAlarm: Alarm;
  /** Goes off when 1 % of the deliveries of 5 minutes take more than 80 % of the timeout: their senders have gone. */
  public readonly latencyAlarm: Alarm;

  constructor(scope: Construct, id: string, props: WebhookReceiverProps) {
    super(scope, id);
    const { window = Duration.days(45), timeout = Duration.seconds(10) } = props;
    this.assertProps(props, window, timeout);
    this.receiverName = props.receiverName;
    this.window = window;
    this.function = this.handlerOf(props, window, timeout);
    this.httpApi = new HttpApi(this, 'Resource', { createDefaultStage: false });
    this.addRoute();
    this.accessLogs = logGroup(this, 'AccessLogs', props);
    this.stage = httpStage(this, this.httpApi, this.accessLogs, props);
    this.url = `${this.httpApi.apiEndpoint}/webhooks`;
    const { serverErrorAlarm, latencyAlarm } = apiAlarms(this, {
      serverErrors: this.metricServerErrors(),
      latency: this.stage.metricLatency({ statistic: 'p99' }),
      timeout,
    });
    this.serverErrorAlarm = serverErrorAlarm;
    this.latencyAlarm = latencyAlarm;
  }

  /**
   * Deliveries.
   *
   * @default - sum over 5 minutes
   */
  public metricDeliveries(props?: MetricOptions): Metric {
    return this.stage.metricCount({ statistic: 'Sum', ...props });
  }

  /**
   * Deliveries answered with 4xx: not signed, too old, of nobody. Somebody tries, or a secret is wrong.
   *
   * @default - sum over 5 minutes
   */
  public metricRefused(props?: MetricOptions): Metric {
    return this.stage.metricClientError({ statistic: 'Sum', ...props });
  }

  /**
   * Deliveries answered with 5xx: their senders come again.
   *
   * @default - sum over 5 minutes
   */
  public metricServerErrors(props?: MetricOptions): Metric {
    return this.stage.metricServerError({ statistic: 'Sum', ...props });
  }

  private assertProps(props: WebhookReceiverProps, window: Duration, timeout: Duration): void {
    const { receiverName, dedupTable } = props;
    const receipts = dedupTable && { construct: dedupTable.table, name: dedupTable.table.tableName };
    const inequalities = receiverInequalities({
      receiverName,
      window,
      timeout,
      table: dedupTable,
      namesake: receipts && claimant(receipts, receiverName),
    });
    const violations = [
      ...receiverViolations(props),
      ...violationsOf(inequalities),
      ...tableElsewhere(this, 'dedupTable', dedupTable?.table),
    ];
    if (violations.length > 0) throw new InvalidProps('WebhookReceiver', this.node.path, violations);
    if (receipts !== undefined) claim(receipts, receiverName, this);
    pinName(this, () => receiverName);
    GuaranteeReport.record('WebhookReceiver', this, {
      claim: {
        identity: `source and event id, as far as they are signed, known for ${durationText(window)}`,
        way: `what an event publishes and writes, and its receipt, in one transaction${receipts === undefined ? ' of Postgres' : ''}`,
        brokenBy: [
          'a sender that sends an event again after the window',
          'a handler with effects outside its transaction',
        ],
      },
      inequalities,
      notes: [
        receipts === undefined
          ? uncheckedInPostgres
          : 'An event costs 4 write units where it is published: 2 for its receipt, 2 for its row in the outbox; 2 more with a state that is compared. A copy costs 2.',
      ],
    });
  }

  private handlerOf(props: WebhookReceiverProps, window: Duration, timeout: Duration): LambdaFunction {
    const { receiverName, dedupTable, senders, ...rest } = props;
    const secrets = senders.flatMap(({ name, secret }) => (secret === undefined ? [] : [{ name, secret }]));
    const { function: made } = new HandlerFunction(this, 'Handler', {
      ...rest,
      timeout,
      environment: {
        ...props.environment,
        EXACTLY_ONCE_WEBHOOK_RECEIVER: receiverName,
        ...(dedupTable === undefined ? {} : { EXACTLY_ONCE_DEDUP_TABLE: dedupTable.table.tableName }),
        EXACTLY_ONCE_WINDOW_SECONDS: Tokenization.stringifyNumber(window.toSeconds()),
        EXACTLY_ONCE_WEBHOOK_SECRETS: Stack.of(this).toJsonString(
          Object.fromEntries(secrets.map(({ name, secret }) => [name, secret.secretArn])),
        ),
      },
    });
    dedupTable?.grants.commitReceipts(made, receiverName);
    for (const { secret } of secrets) secret.grantRead(made);
    return made;
  }

  private addRoute(): void {
    const [route] = this.httpApi.addRoutes({
      path: '/webhooks/{source}',
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('Handler', this.function),
      authorizer: new HttpNoneAuthorizer(),
    });
    if (route !== undefined)
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason: 'Senders of webhooks do not sign in; the handler checks the signature of every delivery.',
      });
  }
}
