import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { Effect } from '../../runtime/lease/index.js';
import { leases, type Finding, type Once } from '../../runtime/lease/index.js';
import type { ProviderKind } from './provider.js';

/** One order to be made at a provider. */
export interface Task {
  readonly order: string;
  readonly kind: ProviderKind;
  readonly url: string;
  /** The provider acts and then resets the connection. */
  readonly reset: boolean;
  /** Where the process is killed in the first try. */
  readonly dieAt?: CrashPoint;
}

export interface WorkOrder {
  readonly tableName: string;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly tasks: readonly Task[];
}

export const consumerName = 'shop';
export const effectName = 'order';
/** Short, so that a proof need not wait: all processes run on one machine, with one clock. */
export const times = { leaseSeconds: 1.5, maxEffectDelaySeconds: 0.3, maxClockSkewSeconds: 0.2 };

export function onceFor(client: DynamoDBClient, tableName: string, order: string, now?: () => number): Once {
  const { maxClockSkewSeconds } = times;
  const lease = leases({ maxClockSkewSeconds, observe: () => undefined, now });
  return lease({ client, tableName, retentionSeconds: 3600, consumerName })(order, () => 30_000);
}

type Args = Readonly<Record<'order' | 'chosen', string>>;

/** The order as an effect, with the policy that fits the provider. */
export function effectOf({ order, kind, url, reset }: Task, chosen: string): Effect<Args, string> {
  const { leaseSeconds, maxEffectDelaySeconds } = times;
  return {
    args: { order, chosen },
    leaseSeconds,
    maxEffectDelaySeconds,
    onUnknown:
      kind === 'keys'
        ? { retry: { keyWindowSeconds: 3600 } }
        : kind === 'nothing'
          ? 'block'
          : {
              reconcile: async ({ order }: Args, { signal }): Promise<Finding<string>> => {
                const answer = await fetch(`${url}/acts/${order}`, { signal });
                const { done } = (await answer.json()) as { done: boolean };
                return done ? { kind: 'done', result: 'looked up' } : { kind: 'not-done' };
              },
            },
    run: async (args, { idempotencyKey, signal }) => {
      const answer = await fetch(`${url}/acts/${args.order}${reset ? '?reset' : ''}`, {
        method: 'POST',
        headers: { 'idempotency-key': idempotencyKey },
        body: JSON.stringify(args),
        signal,
      });
      return ((await answer.json()) as { receipt: string }).receipt;
    },
  };
}
