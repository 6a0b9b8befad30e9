import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import { WebhookRegistry } from '../runtime/webhook/sender/registry.js';
import { CliError } from './cli-error.js';
import { clientSettings } from './connection.js';
import { functionEnvironment } from './lambda-client.js';

/** What every command about webhooks takes. */
export interface WebhookOptions {
  readonly function: string;
  readonly tenant: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly json: boolean;
}

export function addWebhookOptions(command: Command): Command {
  return command
    .requiredOption('--function <name>', 'the worker or the intake of the WebhookSender')
    .requiredOption('--tenant <name>', 'whose endpoints')
    .option('--region <region>', 'AWS Region. Default: that of your AWS configuration')
    .option('--endpoint <url>', 'address of an emulator. Default: AWS_ENDPOINT_URL, else AWS')
    .option('--json', 'print one JSON object instead of tables', false);
}

/** The registry of a deployed sender, and the clients to reach it. */
export class WebhookConnection implements Disposable {
  readonly #clients: readonly { destroy(): void }[];

  private constructor(
    readonly registry: WebhookRegistry,
    clients: readonly { destroy(): void }[],
  ) {
    this.#clients = clients;
  }

  /** @throws CliError when the function is none of a WebhookSender. */
  static async open({ function: name, region, endpoint }: WebhookOptions): Promise<WebhookConnection> {
    const client = clientSettings({ region, endpoint });
    const environment = await functionEnvironment(name, client, 'the right --function');
    const { EXACTLY_ONCE_WEBHOOK_TABLE: table, EXACTLY_ONCE_WEBHOOK_WAKE_QUEUE_URL: wakeQueueUrl } =
      environment;
    if (!table)
      throw new CliError(`'${name}' is no function of a WebhookSender: it has no EXACTLY_ONCE_WEBHOOK_TABLE`);
    const dynamodb = new DynamoDBClient(client);
    // Else the client follows the host in the queue's URL, past the endpoint that it was given.
    const sqs = new SQSClient({ ...client, useQueueUrlAsEndpoint: false });
    const settings = {
      table,
      shards: Number(environment.EXACTLY_ONCE_WEBHOOK_SHARDS),
      retentionSeconds: Number(environment.EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS),
      ...(wakeQueueUrl && { wakeQueueUrl }),
    };
    return new WebhookConnection(new WebhookRegistry({ settings, dynamodb, sqs }), [dynamodb, sqs]);
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.destroy();
  }
}
