import { InvalidArgumentError, type Command } from 'commander';
import type { DeliveryState, EndpointView, WebhookRegistry } from '../../runtime/webhook/sender/index.js';
import { replayedStates } from '../../runtime/webhook/sender/registry.js';
import { CliError } from '../cli-error.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { wholeAboveZero } from '../letter-selection.js';
import { moment } from '../moment.js';
import { print, printJson, tableText } from '../output.js';
import { addWebhookOptions, WebhookConnection, type WebhookOptions } from '../webhook-connection.js';

interface ListOptions extends WebhookOptions {
  readonly to?: string;
  readonly state?: readonly DeliveryState[];
  readonly since?: number;
  readonly limit?: number;
}

interface OneOptions extends WebhookOptions, DryRunOption {
  readonly to: string;
}

interface ReplayOptions extends WebhookOptions, DryRunOption {
  readonly to?: string;
  readonly event?: string;
  readonly since?: number;
  readonly stream?: string;
}

const states: readonly DeliveryState[] = ['waiting', 'delivered', 'failed', 'held'];

/** Adds `webhooks`. */
export function addWebhooks(program: Command): void {
  const parent = program
    .command('webhooks')
    .description(
      'Endpoints that events are sent to, and what became of it: list, replay, disable, enable, test.',
    );
  addList(parent);
  addReplay(parent);
  addChange(
    parent,
    'disable',
    'Sends nothing to an endpoint any more; what is meant for it is held.',
    'disabled',
    (registry, { tenant, to }) => registry.disable(tenant, to),
  );
  addChange(
    parent,
    'enable',
    'Sends to an endpoint again what comes from now on. What was held: see replay.',
    'enabled',
    (registry, { tenant, to }) => registry.enable(tenant, to),
  );
  addChange(
    parent,
    'test',
    'Sends an event of type webhook.test to one endpoint.',
    'sent a test',
    (registry, { tenant, to }) => registry.test(tenant, to),
  );
}

function addList(parent: Command): void {
  addWebhookOptions(parent.command('list'))
    .description('The endpoints of a tenant, or the deliveries of one of them, newest first.')
    .option('--to <id>', 'deliveries of this endpoint')
    .option('--state <states>', 'only deliveries in these states: waiting, delivered, failed, held', statesOf)
    .option('--since <time>', 'only of events since then: ISO 8601, or so long ago, such as 2h', moment)
    .option('--limit <n>', 'most deliveries of --to (default: 100)', wholeAboveZero)
    .addHelpText('after', '\nExit codes: 0 listed, 2 could not run.')
    .action(async (options: ListOptions) => {
      const { state: ofState, since: from, limit: most } = options;
      if (options.to === undefined && [ofState, from, most].some((one) => one !== undefined))
        throw new CliError('--state, --since and --limit are about deliveries: give --to with an endpoint');
      using connection = await WebhookConnection.open(options);
      const { registry } = connection;
      const { tenant, to, state, since, limit, json } = options;
      if (to === undefined) {
        const endpoints = await registry.list(tenant);
        if (json) printJson({ endpoints });
        else print(tableText(endpoints.map(endpointRow)) || `'${tenant}' has no endpoints`);
        return;
      }
      const query = {
        states: state,
        since: since === undefined ? undefined : new Date(since),
        limit: limit ?? 100,
      };
      const deliveries = await registry.deliveries(tenant, to, query);
      if (json) printJson({ deliveries });
      else
        print(
          tableText(
            deliveries.map((one) => ({
              EVENT: one.webhookId,
              TYPE: one.type,
              TIME: one.time,
              STATE: one.state,
              ATTEMPTS: one.attempts,
              LAST: one.last ?? '',
              NEXT: one.state === 'waiting' ? new Date(one.dueAt).toISOString() : '',
            })),
          ) || 'no deliveries',
        );
    });
}

function endpointRow({ endpointId, url, types, disabled, health, ordered }: EndpointView) {
  const { firstFailureAt } = health;
  return {
    ENDPOINT: endpointId,
    URL: url,
    TYPES: types?.join(' ') ?? 'all',
    ORDER: ordered === true ? 'yes' : 'no',
    STATE: disabled === undefined ? 'enabled' : `disabled (${disabled})`,
    'FAILING SINCE': firstFailureAt === undefined ? '' : new Date(firstFailureAt).toISOString(),
  };
}

function addReplay(parent: Command): void {
  addDryRun(addWebhookOptions(parent.command('replay')))
    .description(
      'Sends again what failed or was held, under the same webhook-id. With --event one event, with --stream all of one aggregate, whatever became of them.',
    )
    .option('--to <id>', 'only of this endpoint')
    .option('--event <id>', 'only this event, with --to: its webhook-id')
    .option('--stream <name>', 'events of this aggregate: its kind and name, such as invoice/i-1')
    .option('--since <time>', 'only of events since then: ISO 8601, or so long ago, such as 2h', moment)
    .addHelpText('after', '\nExit codes: 0 put up, 2 could not run.')
    .action(async (options: ReplayOptions) => {
      using connection = await WebhookConnection.open(options);
      const count = await replayed(connection.registry, options);
      if (options.json) printJson({ replayed: count, dryRun: options.dryRun });
      else print(`${inDryRun(options.dryRun)}${count} sent again`);
    });
}

async function replayed(registry: WebhookRegistry, options: ReplayOptions): Promise<number> {
  const { tenant, to, event, stream, dryRun } = options;
  const since = options.since === undefined ? undefined : new Date(options.since);
  if (event !== undefined) {
    if (to === undefined) throw new CliError('--event is one of an endpoint: give --to with it');
    if (since !== undefined || stream !== undefined)
      throw new CliError('--event says which one: leave out --since and --stream');
    // Both are looked up by a replay, too, which throws where one is not there.
    await registry.get(tenant, to);
    await registry.delivery(tenant, to, event);
    return dryRun || (await registry.replay(tenant, to, event)) ? 1 : 0;
  }
  if (!dryRun) return registry.replayAll({ tenant, endpointId: to, since, stream });
  const endpoints = to === undefined ? await registry.list(tenant) : [await registry.get(tenant, to)];
  let count = 0;
  for (const { endpointId, disabled } of endpoints)
    if (disabled === undefined)
      count += (
        await registry.deliveries(tenant, endpointId, {
          ...{ states: replayedStates(stream), since, stream, limit: Infinity },
        })
      ).length;
  return count;
}

function addChange(
  parent: Command,
  name: string,
  description: string,
  done: string,
  change: (registry: WebhookRegistry, options: OneOptions) => Promise<unknown>,
): void {
  addDryRun(addWebhookOptions(parent.command(name)))
    .description(description)
    .requiredOption('--to <id>', 'the endpoint')
    .addHelpText('after', `\nExit codes: 0 ${done}, 2 could not run.`)
    .action(async (options: OneOptions) => {
      using connection = await WebhookConnection.open(options);
      const { registry } = connection;
      // It says whether there is one.
      const { endpointId } = await registry.get(options.tenant, options.to);
      const webhookId = options.dryRun ? undefined : await change(registry, options);
      if (options.json) printJson({ endpointId, done, webhookId, dryRun: options.dryRun });
      else
        print(
          `${inDryRun(options.dryRun)}${done}: ${endpointId}${typeof webhookId === 'string' ? `, ${webhookId}` : ''}`,
        );
    });
}

function statesOf(text: string): DeliveryState[] {
  const given = text.split(',') as DeliveryState[];
  if (!given.every((state) => states.includes(state)))
    throw new InvalidArgumentError(`Allowed are ${states.join(', ')}, with commas between several.`);
  return given;
}
