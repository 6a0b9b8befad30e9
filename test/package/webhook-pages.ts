import { createHmac, randomUUID } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { Webhook } from 'standardwebhooks';
import { webhookPageLink, type PageResponse } from '../../runtime/webhook/page/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { record } from '../fixtures/queue.js';
import { EndpointServer } from '../webhook/sender/endpoint-server.js';
import { bothActed, type DeployedPages } from './deployed-pages.js';

const payment = { paymentId: 'p-1', customer: 'shop', cents: 1250 };

/** The pages of webhooks that come in, of those that are sent, and of the page that shows these. */
export function webhookPages(pages: () => DeployedPages): void {
  const path = '/hooks';
  let endpoint: EndpointServer;
  beforeAll(async () => {
    endpoint = await EndpointServer.listen();
  });
  afterAll(() => endpoint.close());

  test('webhooks: an event of GitHub, delivered twice, is one event of the outbox', async () => {
    const { target } = pages();
    const stack = 'Webhook';
    // What GitHub was told, as its owner writes it down.
    const key = randomUUID();
    const secrets = new SecretsManagerClient(target.client);
    const SecretId = pages().output(stack, 'SecretArn');
    await secrets.send(new PutSecretValueCommand({ SecretId, SecretString: key }));
    secrets.destroy();
    const body = JSON.stringify({ action: 'opened', issue: { number: 1 } });
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'issues',
      'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
    };
    const statuses: number[] = [];
    await pages().twice(async () => {
      const url = target.httpUrl(`${pages().output(stack, 'ReceiverUrl')}/github`);
      statuses.push((await fetch(url, { method: 'POST', headers, body })).status);
    });
    expect(statuses).toEqual([200, 200]);
    const published = await eventsIn(pages().output(stack, 'OutboxTable'));
    expect(published).toEqual([expect.stringContaining('github.issues')]);
  });

  test('webhooks to subscribers: a payment, settled twice and its event resent, is one request to the endpoint', async () => {
    const { lambda, runner } = pages();
    const output = (name: string) => pages().output('WebhookSender', name);
    const invoke = (name: string, given: object) =>
      lambda.send(new InvokeCommand({ FunctionName: output(name), Payload: JSON.stringify(given) }));
    const { Payload, FunctionError } = await invoke('SubscribeFunctionName', {
      customer: payment.customer,
      url: endpoint.url(path),
    });
    expect(FunctionError).toBeUndefined();
    const secret = JSON.parse(Buffer.from(Payload ?? []).toString()) as string;

    const receipts = await newDedupTable(dynamo());
    const settlement = {
      ACCOUNTS_TABLE: pages().output('Outbox', 'AccountsTable'),
      OUTBOX_TABLE: output('OutboxTable'),
      EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
      EXACTLY_ONCE_DEDUP_TABLE: receipts.name,
      EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: pages().output('Outbox', 'QueueUrl'),
    };
    const event = { Records: [record({ body: payment })] };
    const answers = await pages().calledTwice('docs/outbox.md', 'settlement.ts', event, settlement);
    expect(answers).toEqual(bothActed);
    await runner.idle(200);
    expect(endpoint.at(path)).toHaveLength(1);

    await pages().cli('outbox', 'resend', '--outbox', output('OutboxTable'), '--all');
    // The sweep of the next minute.
    await invoke('RelayFunctionName', {});
    await runner.idle(200);
    expect(pages().acknowledged(output('IntakeFunctionName'))).toBe(2);
    const [arrived, ...more] = endpoint.at(path);
    expect(more).toEqual([]);
    // Throws unless it was signed with the secret that the registration returned.
    const { data } = new Webhook(secret).verify(arrived?.body ?? '', arrived?.headers ?? {}) as {
      data: unknown;
    };
    expect(data).toEqual(payment);
  });

  test('the page of webhooks: a delivery that a form sends again, sent twice, is one request more', async () => {
    const { target, lambda, runner } = pages();
    const output = (name: string) => pages().output('WebhookSender', name);
    const secrets = new SecretsManagerClient(target.client);
    const { SecretString: secret = '' } = await secrets.send(
      new GetSecretValueCommand({ SecretId: output('PageSecretArn') }),
    );
    secrets.destroy();
    // The events of API Gateway: the emulator's hands on no cookies.
    const visit = async (method: string, address: string, cookie?: string, body?: string) => {
      const { pathname, search } = new URL(address, output('PageUrl'));
      const event = {
        ...{ rawPath: pathname, rawQueryString: search.slice(1), requestContext: { http: { method } } },
        ...(cookie !== undefined && { cookies: [cookie] }),
        ...(body !== undefined && { body }),
      };
      const { Payload } = await lambda.send(
        new InvokeCommand({ FunctionName: output('PageFunctionName'), Payload: JSON.stringify(event) }),
      );
      return JSON.parse(Buffer.from(Payload ?? []).toString()) as PageResponse;
    };
    const link = webhookPageLink({ url: output('PageUrl'), tenant: payment.customer, secret });
    const [cookie = ''] = (await visit('GET', link)).cookies?.[0]?.split(';') ?? [];
    const linkIn = async (of: string, to: RegExp) =>
      to.exec((await visit('GET', of, cookie)).body)?.[1] ?? 'no such link';
    const endpointPath = await linkIn('/', /href="(\/endpoints\/[^"/]+)"/);
    const deliveryPath = await linkIn(endpointPath, /href="(\/endpoints\/[^"/]+\/deliveries\/[^"]+)"/);
    const { body: shown } = await visit('GET', deliveryPath, cookie);
    const fields = [...shown.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const form = new URLSearchParams(
      fields.map(([, name = '', value = '']): [string, string] => [name, value]),
    );
    expect(form.get('action')).toBe('replay');

    const before = endpoint.at(path).length;
    const answers: unknown[] = [];
    await pages().twice(async () => {
      const { statusCode, headers } = await visit('POST', '/', cookie, form.toString());
      answers.push([statusCode, headers.location]);
    });
    expect(answers).toEqual([
      [303, `${deliveryPath}?did=replayed`],
      [303, `${deliveryPath}?did=replayedBefore`],
    ]);
    await runner.idle(200);
    expect(endpoint.at(path)).toHaveLength(before + 1);
  });
}

/** The rows of an outbox, as text. */
async function eventsIn(TableName: string): Promise<string[]> {
  const { Items = [] } = await dynamo().send(new ScanCommand({ TableName }));
  return Items.map((item) => JSON.stringify(item));
}
