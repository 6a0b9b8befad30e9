import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Api, IdempotentApiOptions, RenderedResponse, RequestSummary } from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { leases, type Effect } from '../../runtime/lease/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { startProvider, type Provider, type ProviderKind } from '../lease/provider.js';
import { effectOf, times } from '../lease/worker-orders.js';
import { limits, pay, paymentsApi, request, type Names, type PaymentBody } from './payments.js';

/** Where to charge, and what goes wrong there. */
export interface Charging {
  readonly kind: ProviderKind;
  readonly url: string;
  /** The provider acts on the first call and then resets the connection. */
  readonly reset?: boolean;
}

export type Charge = Effect<Readonly<Record<'order' | 'chosen', string>>, string>;

export interface Twist {
  /** Changes the effect before it is made. */
  readonly change?: (charge: Charge) => Partial<Charge>;
  /** Called when the effect is made and nothing is committed. */
  readonly after?: () => void;
  readonly more?: Partial<IdempotentApiOptions<PaymentBody>>;
  readonly summaries?: RequestSummary[];
}

/**
 * Charges at a provider under a lease, then pays as `pay` does, in one commit with the answer. The account is what
 * the provider sees.
 */
export function chargesApi(
  names: Names,
  dynamodb: DynamoDBClient,
  { reset = false, ...provider }: Charging,
  { change, after, more, summaries }: Twist = {},
): Api {
  const { maxClockSkewSeconds } = times;
  const handle: IdempotentApiOptions<PaymentBody>['handle'] = async (keyed, tx) => {
    const { account } = keyed.body;
    // What a careless handler does: other arguments in every try.
    const charge = effectOf({ order: account, reset, ...provider }, randomUUID());
    const receipt = await tx.once('charge', { ...charge, ...change?.(charge) });
    after?.();
    return { ...pay(names, keyed, tx), body: { receipt, run: randomUUID() } };
  };
  const lease = leases({ maxClockSkewSeconds, observe: () => undefined });
  return paymentsApi(names, dynamodb, { handle, leases: lease, ...more }, summaries);
}

/** One request and its retries. */
export interface Asked {
  readonly key: string;
  readonly body: PaymentBody;
}

export const once = (): Asked => ({ key: randomUUID(), body: { account: randomUUID(), cents: 5 } });

export const ask = (api: Api, asked: Asked) => api(request(asked), limits());

/** Asks as a client should: again after a 409, not before its Retry-After. */
export async function patiently(api: Api, asked: Asked): Promise<RenderedResponse> {
  const answer = await ask(api, asked);
  if (answer.status !== 409) return answer;
  await sleep(Number(answer.headers['retry-after']) * 1000);
  return patiently(api, asked);
}

/** Throws once, after the charge and before the commit, as a process that dies there. */
export const dyingOnce = (): Pick<Twist, 'after'> => {
  let deaths = 1;
  return {
    after: () => {
      if (deaths-- > 0) throw new Error('after the charge');
    },
  };
};

/** Tables and providers of one test file. */
export class Charges {
  readonly client = dynamo();

  private constructor(
    readonly names: Names,
    readonly providers: ReadonlyMap<ProviderKind, Provider>,
  ) {}

  static async start(): Promise<Charges> {
    const client = dynamo();
    const kinds: readonly ProviderKind[] = ['keys', 'look-up', 'nothing'];
    const [receipts, accounts] = await Promise.all([newDedupTable(client), newTable(client, 'account')]);
    client.destroy();
    const providers = await Promise.all(
      kinds.map(async (kind) => [kind, await startProvider(kind)] as const),
    );
    return new Charges({ receipts: receipts.name, accounts: accounts.name }, new Map(providers));
  }

  provider(kind: ProviderKind): Provider {
    const provider = this.providers.get(kind);
    if (provider === undefined) throw new Error(`no provider '${kind}'`);
    return provider;
  }

  api(kind: ProviderKind, twist: Twist & { readonly reset?: boolean } = {}): Api {
    const { url } = this.provider(kind);
    return chargesApi(this.names, this.client, { kind, url, reset: twist.reset }, twist);
  }

  /** How often the provider has acted. */
  acts(kind: ProviderKind, { body }: Asked): number {
    return this.provider(kind).acts.filter((order) => order === body.account).length;
  }

  /** What the commits have counted, by no key. */
  async payments({ body: { account } }: Asked): Promise<unknown> {
    const accounts = table({ name: this.names.accounts, partitionKey: 'account' });
    return (await row(this.client, accounts, { account }))?.payments;
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await Promise.all([...this.providers.values()].map((provider) => provider.close()));
  }
}
