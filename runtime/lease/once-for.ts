import type { Once } from '../dedup/effect.js';
import { RejectMessage } from '../dedup/errors.js';
import { leaseId, type LeaseStore } from '../dedup/lease-store.js';
import { valueText } from '../dedup/value-text.js';
import { downstreamKey } from './downstream-key.js';
import { reporter, type LeaseObserver } from './lease-event.js';
import { leaseRules } from './lease-rules.js';
import { runOnce } from './run-once.js';

/** Effects whose arguments are longer than this had better store them elsewhere. */
const maxArgsBytes = 100 * 1024;

/** Whose effects they are. */
export interface Owner {
  readonly consumerName: string;
  /** Of the message. */
  readonly key: string;
  /** What is left of the invocation. */
  readonly remainingMs: () => number;
  readonly fingerprint: string | undefined;
  readonly maxClockSkewSeconds: number;
  readonly observe: LeaseObserver;
}

/** `tx.once` of one message, on a store of leases. */
export function onceFor(store: LeaseStore, owner: Owner): Once {
  const { consumerName, key, remainingMs, fingerprint, maxClockSkewSeconds, observe } = owner;
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
