import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Command } from 'commander';
import { Meter } from '../runtime/dedup/meter.js';
import type { OutboxAccess } from '../runtime/outbox/outbox-access.js';
import { relaySettings } from '../runtime/outbox/relay-settings.js';
import { CliError } from './cli-error.js';
import { clientSettings } from './connection.js';
import { functionEnvironment } from './lambda-client.js';
import { warn } from './output.js';
import { NotKnown } from './permission.js';

/** Which outbox a command is about, as the command line says it. */
export interface OutboxOptions {
  readonly function?: string;
  readonly outbox?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly json: boolean;
}

/** Adds the options that every command about an outbox takes. */
export function addOutboxOptions(command: Command): Command {
  return command
    .option('--function <name>', "the relay's deployed Lambda function: table and targets are read from it")
    .option('--outbox <name>', 'table of the outbox')
    .option('--region <region>', 'AWS Region (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .option('--json', 'print one JSON object instead of tables', false);
}

/** An outbox, and the client to reach it. */
export class OutboxConnection implements Disposable {
  private constructor(
    readonly client: DynamoDBClient,
    readonly table: string,
    /** Names of the relay's targets; undefined when the relay is not known. */
    readonly targets: readonly string[] | undefined,
    /** How long a sent event is kept; undefined when the relay is not known. */
    readonly retentionSeconds: number | undefined,
  ) {}

  /** @throws CliError when the table is not known, or is no outbox. */
  static async open(options: OutboxOptions): Promise<OutboxConnection> {
    const settings = clientSettings(options);
    const relay =
      options.function === undefined ? undefined : await deployedRelay(options.function, settings);
    const table = options.outbox ?? relay?.table;
    if (table === undefined)
      throw new CliError(
        "the outbox is not known: give --outbox with its table, or --function with the name of the relay's function",
      );
    const client = new DynamoDBClient(settings);
    const targets = relay?.targets.map(({ name }) => name);
    const connection = new OutboxConnection(client, table, targets, relay?.retentionSeconds);
    if (options.outbox !== undefined) await connection.#compareKeys();
    return connection;
  }

  /** A command takes as long as it takes; the SDK bounds each call. */
  static accessOf(client: DynamoDBClient, table: string): OutboxAccess {
    return { client, table, limits: { deadline: Infinity, meter: new Meter() } };
  }

  get access(): OutboxAccess {
    return OutboxConnection.accessOf(this.client, this.table);
  }

  /**
   * The whole name of a target that is given by its end, such as the name of a queue.
   *
   * @throws CliError when the relay has no such target, several, or is not known.
   */
  target(given: string): string {
    const { targets } = this;
    if (targets === undefined)
      throw new CliError(
        "the targets are not known, so that a slip in --target would not be seen: give --function with the name of the relay's function",
      );
    const found = targets.filter((name) => name === given || name.split(/[:/]/).at(-1) === given);
    const [only, ...others] = found;
    if (only !== undefined && others.length === 0) return only;
    throw new CliError(
      `--target '${given}' names ${found.length} targets of the relay, which has ${targets.map((name) => `'${name}'`).join(', ')}`,
    );
  }

  [Symbol.dispose](): void {
    this.client.destroy();
  }

  async #compareKeys(): Promise<void> {
    const notKnown = new NotKnown();
    const what = `whether table '${this.table}' is an outbox`;
    try {
      await notKnown.unlessDenied(what, 'dynamodb:DescribeTable', () =>
        assertOutboxTable(this.client, this.table),
      );
    } catch (error) {
      this.client.destroy();
      throw error;
    }
    for (const sentence of notKnown.all) warn(`not compared: ${sentence}`);
  }
}

async function assertOutboxTable(client: DynamoDBClient, table: string): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  const keys = (Table?.KeySchema ?? []).map(({ AttributeName = '' }) => AttributeName);
  if (keys.join() === 'stream,version') return;
  throw new CliError(
    `table '${table}' has the key ${keys.map((key) => `'${key}'`).join(', ')}, an outbox has 'stream', 'version': check --outbox`,
  );
}

async function deployedRelay(name: string, client: { readonly region?: string; readonly endpoint?: string }) {
  const environment = await functionEnvironment(name, client, '--outbox');
  if (environment.EXACTLY_ONCE_OUTBOX_TABLE !== undefined) return relaySettings(environment);
  throw new CliError(
    `function '${name}' has no EXACTLY_ONCE_OUTBOX_TABLE, so it is no relay of this library: name the function that OutboxRelay made`,
  );
}
