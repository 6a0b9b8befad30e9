import type { Once } from '../dedup/effect.js';
import type { LeaseScope, Leases } from '../dynamodb/lease-scope.js';
import { DynamoLeaseStore } from '../dynamodb/lease-store.js';
import { InvalidSettings, RejectMessage } from '../dedup/errors.js';
import { leaseId, type LeaseStore } from '../dedup/lease-store.js';
import { valueText } from '../dedup/value-text.js';
import { downstreamKey } from './downstream-key.js';
import { logLeaseEvent, reporter, type LeaseObserver } from './lease-event.js';
import { defaultSkewSeconds, leaseRules, secondsProblems } from './lease-rules.js';
import { runOnce } from './run-once.js';

export interface LeasesOptions {
  /**
   * How far apart the clocks of two machines may be. A takeover waits this much longer than the lease; beyond it, two
   * owners may be at work at once (R28).
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html
   * @default 60
   */
  readonly maxClockSkewSeconds?: number;
  /**
   * Called for every takeover, refused zombie, unknown outcome and blocked effect. @default - one JSON line each on
   * stdout
   */
  readonly observe?: LeaseObserver;
  /** Epoch milliseconds, for tests. @default - the clock of this machine */
  readonly now?: () => number;
}

/** Effects whose arguments are longer than this had better store them elsewhere. */
const maxArgsBytes = 100 * 1024;

/**
 * Gives a consumer's transactions `tx.once`: `sqsConsumer({ ..., leases: leases() })`. See `Once` for what it
 * guarantees.
 *
 * @throws InvalidSettings when `maxClockSkewSeconds` is no number from 0.
 */
export function leases(options: LeasesOptions = {}): Leases {
  const { maxClockSkewSeconds = defaultSkewSeconds, observe = logLeaseEvent, now } = options;
  const problems = secondsProblems({ maxClockSkewSeconds });
  if (problems.length > 0) throw new InvalidSettings(problems);
  return (scope) => {
    const store = new DynamoLeaseStore({ ...scope, now });
    return (key, remainingMs, fingerprint) =>
      onceFor(store, scope, { key, remainingMs, fingerprint, maxClockSkewSeconds, observe });
  };
}

interface Owner {
  readonly key: string;
  readonly remainingMs: () => number;
  readonly fingerprint: string | undefined;
  readonly maxClockSkewSeconds: number;
  readonly observe: LeaseObserver;
}

function onceFor(store: LeaseStore, { consumerName }: LeaseScope, owner: Owner): Once {
  const { key, remainingMs, fingerprint, maxClockSkewSeconds, observe } = owner;
  return async (name, effect) =>
    runOnce(store, {
      id: leaseId(consumerName, name, key),
      consumerName,
      idempotencyKey: downstreamKey(consumerName, key, name),
      effect,
      args: argsText(name, effect.args),
      fingerprint,
      rules: leaseRules({
        ...effect,
        maxClockSkewSeconds,
        durationMs: effect.leaseSeconds === undefined ? remainingMs() : effect.leaseSeconds * 1000,
      }),
      report: reporter(observe, { consumerName, effect: name, key }),
    });
}

function argsText(name: string, args: unknown): string {
  const text = valueText(args ?? null, 'as-object');
  const bytes = Buffer.byteLength(text);
  if (bytes > maxArgsBytes)
    throw new RejectMessage(
      `arguments of effect '${name}' have ${bytes} bytes, at most ${maxArgsBytes} are stored with a lease; store them elsewhere and give their address`,
    );
  return text;
}
