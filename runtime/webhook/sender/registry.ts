import { randomUUID } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { secretsAsSeen, webhookRowAbsent, webhookRowThere } from '../../dynamodb/webhook-conditions.js';
import { newClient, type DynamoDBClient } from '../../dynamodb/new-client.js';
import { marshalled } from '../../dynamodb/table.js';
import { assertEndpoint, assertTenant, type Endpoint, type EndpointSettings } from './endpoint.js';
import { viewOf, type EndpointView } from './endpoint-view.js';
import { InvalidEndpoint, NotRegistered } from './errors.js';
import { endpointsOf, maxEndpoints } from './fan-out.js';
import { guardOf, type GuardOptions } from './guard/options.js';
import type { Guard } from './guard/destination.js';
import { attemptsOf, deliveriesOf, type DeliveryQuery } from './history.js';
import { putUp } from './put-up.js';
import {
  deliveryKey,
  endpointKey,
  eventKey,
  readEndpoint,
  readDelivery,
  readEvent,
  rowVersion,
  shardOf,
  type Delivery,
  type DeliveryState,
  type StoredAttempt,
  type StoredEvent,
} from './rows.js';
import type { WebhookSenderSettings } from './settings.js';
import { counting, newSecret } from './sign.js';
import { testRows } from './test-event.js';
import { WebhookStore } from './store/webhook-store.js';
import { wakeByQueue, type Wake } from './wake.js';

export type { DeliveryQuery } from './history.js';
export type { EndpointView } from './endpoint-view.js';

export interface WebhookRegistryOptions extends GuardOptions {
  /** What the construct knows: `webhookSenderSettings(process.env)`. */
  readonly settings: Omit<WebhookSenderSettings, 'senderName'>;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  readonly sqs?: SQSClient;
  /** @internal For tests: epoch milliseconds. */
  readonly now?: () => number;
}

/** What is put up again. */
export interface ReplayQuery {
  readonly tenant: string;
  /** @default - all endpoints of the tenant */
  readonly endpointId?: string;
  /** Of events from then on. @default - all that are kept */
  readonly since?: Date;
  /** Of events of one aggregate: its kind and name, `invoice/i-1`. @default - of all */
  readonly stream?: string;
  /** @default - failed and held ones; of a stream also delivered ones */
  readonly states?: readonly Exclude<DeliveryState, 'waiting'>[];
}

/** States of what is sent again where nobody says which: of one aggregate everything is asked for. */
export function replayedStates(stream: string | undefined): readonly Exclude<DeliveryState, 'waiting'>[] {
  return stream === undefined ? ['failed', 'held'] : ['delivered', 'failed', 'held'];
}

/**
 * Endpoints and their deliveries, for operators and for pages of your own: what the command line does is done by
 * this. Whoever calls it has to have checked whose tenant it is.
 */
export class WebhookRegistry {
  readonly #store: WebhookStore;
  readonly #guard: Guard;
  readonly #wake: Wake;
  readonly #now: () => number;

  readonly #options: WebhookRegistryOptions;

  constructor(options: WebhookRegistryOptions) {
    this.#options = options;
    const { settings, dynamodb = newClient(), sqs, now = Date.now } = options;
    this.#store = new WebhookStore(dynamodb, settings.table);
    this.#guard = guardOf(options);
    this.#wake = wakeByQueue(settings.wakeQueueUrl, sqs);
    this.#now = now;
  }

  /**
   * Registers an endpoint. Without `secrets` one is made: it is returned here and never shown again.
   *
   * @param endpointId 1 to 64 of `A-Z a-z 0-9 _ . -`; registering it again fails
   * @throws InvalidEndpoint; InvalidTenant.
   */
  async create(
    tenant: string,
    settings: EndpointSettings,
    endpointId = `ep_${randomUUID()}`,
  ): Promise<Endpoint> {
    assertTenant(tenant);
    const { secrets = [] } = settings;
    const complete = { ...settings, secrets: secrets.length > 0 ? secrets : [{ secret: newSecret() }] };
    assertEndpoint(complete, this.#guard);
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(endpointId))
      throw new InvalidEndpoint(['its id must be 1 to 64 of A-Z a-z 0-9 _ . -']);
    assertRoom(await endpointsOf(this.#store, tenant), settings);
    const row = {
      ...complete,
      ...{ tenant, endpointId, createdAt: new Date(this.#now()).toISOString() },
      shard: shardOf(endpointId, this.#options.settings.shards),
    };
    const isNew = await this.#store.put(
      { ...endpointKey(tenant, endpointId), ...row, v: rowVersion },
      webhookRowAbsent(),
    );
    if (!isNew)
      throw new InvalidEndpoint([
        `the tenant has an endpoint '${endpointId}'; change it, or give another id`,
      ]);
    return { ...row, health: {} };
  }

  /** Changes what is given, and leaves the rest. `ordered` is fixed. @throws InvalidEndpoint; NotRegistered. */
  async change(
    tenant: string,
    endpointId: string,
    change: Partial<Omit<EndpointSettings, 'ordered'>>,
  ): Promise<void> {
    const endpoint = await this.#endpoint(tenant, endpointId);
    assertEndpoint({ ...endpoint, ...change }, this.#guard);
    await this.#update(tenant, endpointId, { set: { ...change } });
  }

  /**
   * Signs with a new secret from now on, and with the old ones until the end of the overlap. Of two rotations at once
   * both secrets sign.
   *
   * @param overlapSeconds @default 86,400 (a day)
   * @returns the new secret, which is never shown again
   * @throws NotRegistered; InvalidEndpoint when it would have more secrets than it may.
   */
  async rotateSecret(
    tenant: string,
    endpointId: string,
    { secret = newSecret(), overlapSeconds = 86_400 }: { secret?: string; overlapSeconds?: number } = {},
  ): Promise<string> {
    for (;;) {
      const endpoint = await this.#endpoint(tenant, endpointId);
      // It is done, and its answer was lost.
      if (endpoint.secrets.some((one) => one.secret === secret && one.until === undefined)) return secret;
      const until = new Date(this.#now() + overlapSeconds * 1000).toISOString();
      const old = counting(endpoint.secrets, this.#now()).map((one) => ({
        ...one,
        until: one.until ?? until,
      }));
      const set = { secrets: [{ secret }, ...old] };
      assertEndpoint({ ...endpoint, ...set }, this.#guard);
      const seen = secretsAsSeen(marshalled(this.#store.table, { ':seenSecrets': endpoint.secrets }));
      if (await this.#store.update(endpointKey(tenant, endpointId), { set }, seen)) return secret;
    }
  }

  async list(tenant: string): Promise<EndpointView[]> {
    assertTenant(tenant);
    return (await endpointsOf(this.#store, tenant)).map((endpoint) => viewOf(endpoint, this.#now()));
  }

  /** @throws NotRegistered */
  async get(tenant: string, endpointId: string): Promise<EndpointView> {
    return viewOf(await this.#endpoint(tenant, endpointId), this.#now());
  }

  /** Nothing is sent to it any more, within 10 seconds; what is meant for it is held. */
  async disable(tenant: string, endpointId: string): Promise<void> {
    await this.#update(tenant, endpointId, { set: { disabled: 'operator' } });
  }

  /** Sends to it again what comes from now on, as if it had never failed. What is held is put up by `replay`. */
  async enable(tenant: string, endpointId: string): Promise<void> {
    const remove = ['disabled', 'disabledAt', 'firstFailureAt', 'failures', 'openUntil', 'alerted'];
    await this.#update(tenant, endpointId, { remove });
  }

  /** Forgets an endpoint. Its deliveries stay until they expire, and are sent no more. */
  async remove(tenant: string, endpointId: string): Promise<void> {
    await this.#store.remove(endpointKey(tenant, endpointId));
  }

  /** Newest first. Reads all deliveries of the endpoint from `since` on until enough are found. */
  async deliveries(tenant: string, endpointId: string, query: DeliveryQuery = {}): Promise<Delivery[]> {
    return deliveriesOf(this.#store, { tenant, endpointId }, query);
  }

  /** The attempts of a delivery that failed, newest first: at most 20 are kept. */
  async attempts(delivery: Delivery): Promise<StoredAttempt[]> {
    return attemptsOf(this.#store, delivery);
  }

  /** What was or will be sent. @throws NotRegistered when it has expired or never was. */
  async event(tenant: string, webhookId: string): Promise<StoredEvent> {
    const row = await this.#store.readOne(eventKey(tenant, webhookId));
    if (row === undefined) throw new NotRegistered('event', tenant, webhookId);
    return readEvent(row);
  }

  /** One event on its way to one endpoint. @throws NotRegistered when it has expired or never was. */
  async delivery(tenant: string, endpointId: string, webhookId: string): Promise<Delivery> {
    const { time } = await this.event(tenant, webhookId);
    const row = await this.#store.readOne(deliveryKey(tenant, endpointId, time, webhookId));
    if (row === undefined) throw new NotRegistered('delivery', tenant, `${endpointId} ${webhookId}`);
    return readDelivery(row);
  }

  /**
   * Sends one event to one endpoint again, whatever became of it, with all attempts of the schedule. Under the same
   * `webhook-id`: an endpoint that remembers it acts once.
   *
   * @param seen its `replays` as a person saw them: once it was put up after that, this does nothing. @default - now
   * @returns false when it is waiting anyway, or was put up since it was seen.
   * @throws NotRegistered
   */
  async replay(
    tenant: string,
    endpointId: string,
    webhookId: string,
    seen: { readonly replays?: number } = {},
  ): Promise<boolean> {
    const endpoint = await this.#endpoint(tenant, endpointId);
    const delivery = await this.delivery(tenant, endpointId, webhookId);
    const { replays = delivery.replays } = seen;
    const put = await this.#putUp(endpoint, { ...delivery, replays });
    await this.#wake(new Set([endpoint.shard]));
    return put;
  }

  /**
   * Sends again what failed or was held: of one endpoint, or of all of a tenant; or all of a stream, whatever became
   * of it, in its order where the endpoint is `ordered`. May be called again when it was interrupted.
   *
   * @returns how many are sent again
   */
  async replayAll({ tenant, endpointId, since, stream, ...query }: ReplayQuery): Promise<number> {
    assertTenant(tenant);
    const { states = replayedStates(stream) } = query;
    const endpoints =
      endpointId === undefined
        ? await endpointsOf(this.#store, tenant)
        : [await this.#endpoint(tenant, endpointId)];
    let count = 0;
    for (const endpoint of endpoints) {
      if (endpoint.disabled !== undefined) continue;
      const { pk } = deliveryKey(tenant, endpoint.endpointId, '', '');
      for await (const row of this.#store.rows(pk, since?.toISOString() ?? '0')) {
        const delivery = readDelivery(row);
        if (delivery.state === 'waiting' || !states.includes(delivery.state)) continue;
        if (stream !== undefined && stream !== delivery.stream) continue;
        if (await this.#putUp(endpoint, delivery)) count += 1;
      }
    }
    await this.#wake(new Set(endpoints.map(({ shard }) => shard)));
    return count;
  }

  /** Sends an event of type `webhook.test` to one endpoint. @returns its `webhook-id`. */
  async test(tenant: string, endpointId: string): Promise<string> {
    const endpoint = await this.#endpoint(tenant, endpointId);
    const { event, delivery } = testRows(endpoint, this.#now(), this.#options.settings.retentionSeconds);
    await this.#store.put(event);
    await this.#store.put({ ...delivery });
    await this.#putUp(endpoint, delivery);
    await this.#wake(new Set([endpoint.shard]));
    return delivery.webhookId;
  }

  async #putUp(endpoint: Endpoint, delivery: Delivery): Promise<boolean> {
    return putUp(this.#store, endpoint, delivery, this.#now());
  }

  async #endpoint(tenant: string, endpointId: string): Promise<Endpoint> {
    const row = await this.#store.readOne(endpointKey(tenant, endpointId));
    if (row === undefined) throw new NotRegistered('endpoint', tenant, endpointId);
    return readEndpoint(row);
  }

  async #update(
    tenant: string,
    endpointId: string,
    change: Parameters<WebhookStore['update']>[1],
  ): Promise<void> {
    if (!(await this.#store.update(endpointKey(tenant, endpointId), change, webhookRowThere())))
      throw new NotRegistered('endpoint', tenant, endpointId);
  }
}

/** @throws InvalidEndpoint when an event could not be given to all endpoints of a tenant in one commit. */
function assertRoom(endpoints: readonly Endpoint[], { ordered = false }: EndpointSettings): void {
  const advice = 'remove one, or split the tenant';
  if (endpoints.length >= maxEndpoints.all)
    throw new InvalidEndpoint([`a tenant may have ${maxEndpoints.all} endpoints; ${advice}`]);
  if (ordered && endpoints.filter((one) => one.ordered === true).length >= maxEndpoints.ordered)
    throw new InvalidEndpoint([
      `a tenant may have ${maxEndpoints.ordered} endpoints that are \`ordered\`; register it without, or ${advice}`,
    ]);
}
