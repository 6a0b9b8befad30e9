import { isIP } from 'node:net';
import { App } from 'aws-cdk-lib';
import { cdcContext } from './cdc-context.js';
import { ReferenceStack } from './reference-stack.js';

/**
 * Context:
 *
 * - `disposable=true`: tables, queues and logs go with the stack. For stacks that live as long as a test.
 * - `unprotected=true`: both consumers run the same effects without deduplication, to show what the audit then finds.
 * - `sideBySide=true`: a settlement without receipts runs beside the real one on the same payments, for comparison.
 * - `spillover=true`: activity events also go through a FIFO queue that spills to Standard.
 * - `polling=false`: Lambda does not poll the queues; somebody else plays the event source.
 * - `anonymousRestApi=true`: a REST API that takes everybody for one caller, instead of an HTTP API. For emulators.
 * - `mailProviderUrl=<http(s) URL>`: settled payments send a receipt mail through `POST <URL>/mails`.
 * - `postgresUrl=<postgres URL>`: settled payments are posted to this Postgres, too. Without a password.
 * - `webhooks=true`: a payment provider's events settle refunds, and customers' endpoints are told of payments.
 * - `subscriberNetwork=<CIDR>`: endpoints in this network are reached, also without TLS. For networks of one's own.
 * - `cdc=true`, with `cdcVpcId`, `cdcSubnetIds`, `cdcKafkaClusterArn`, `cdcBootstrapServers`, `cdcDatabaseHost`,
 *   `cdcDatabaseName`, `cdcDatabaseSecretArn`, `cdcSystemIdentifier`: a table of that Postgres is captured.
 */
const app = new App();
new ReferenceStack(app, 'ExactlyOnceReference', {
  description:
    'Payments over HTTP settled, and activity counted, exactly once: API Gateway, SQS, Lambda, DynamoDB.',
  disposable: flag(app, 'disposable', false),
  unprotected: flag(app, 'unprotected', false),
  sideBySide: flag(app, 'sideBySide', false),
  spillover: flag(app, 'spillover', false),
  polling: flag(app, 'polling', true),
  anonymousRestApi: flag(app, 'anonymousRestApi', false),
  mailProviderUrl: baseUrl(app, 'mailProviderUrl'),
  postgresUrl: databaseUrl(app, 'postgresUrl'),
  webhooks: flag(app, 'webhooks', false),
  subscriberNetwork: network(app, 'subscriberNetwork'),
  cdc: flag(app, 'cdc', false) ? cdcContext(app) : undefined,
});

/** Context from the command line is text, context from cdk.json may be a boolean. */
function flag(scope: App, name: string, otherwise: boolean): boolean {
  const value: unknown = scope.node.tryGetContext(name);
  if (value === undefined) return otherwise;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new Error(
    `context ${name} is ${JSON.stringify(value)}, must be true or false: change -c ${name}=...`,
  );
}

/** An address that paths are appended to, without a slash at its end. */
function baseUrl(scope: App, name: string): string | undefined {
  const value: unknown = scope.node.tryGetContext(name);
  if (value === undefined) return undefined;
  const url = typeof value === 'string' ? URL.parse(value) : null;
  const web = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (web && url.href === `${url.origin}${url.pathname}`) return url.href.replace(/\/+$/, '');
  throw new Error(
    `context ${name} is ${JSON.stringify(value)}, must be an http or https URL without credentials, query and fragment: change -c ${name}=...`,
  );
}

/** A database. Without a password, which everybody who may read the template would read. */
function databaseUrl(scope: App, name: string): string | undefined {
  const value: unknown = scope.node.tryGetContext(name);
  if (value === undefined) return undefined;
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.password === '') return url.href;
  throw new Error(
    `context ${name} must be postgres://user@host:port/database, without a password: change -c ${name}=...`,
  );
}

/** Addresses in CIDR notation. */
function network(scope: App, name: string): string | undefined {
  const value: unknown = scope.node.tryGetContext(name);
  if (value === undefined) return undefined;
  const [address = '', bits = '', ...rest] = typeof value === 'string' ? value.split('/') : [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const isNetwork = /^\d{1,3}$/.test(bits) && Number(bits) <= most && rest.length === 0;
  if (isNetwork && typeof value === 'string') return value;
  throw new Error(
    `context ${name} is ${JSON.stringify(value)}, must be a network such as 10.0.0.0/8: change -c ${name}=...`,
  );
}
