import type { Effect, Finding, Once, OnUnknown } from '../dedup/effect.js';
import {
  CommitFailed,
  EffectBlocked,
  KeyReused,
  LeaseLost,
  OutcomeUnknown,
  Waiting,
} from '../dedup/errors.js';
import type { ReceiptDraft } from '../dedup/receipt.js';
import type { Problems } from './problem.js';
import type { RenderedResponse } from './response.js';

/**
 * How much longer than a key its effects are remembered, in seconds: a blocked one waits for a person, who may be away when the window
 * ends. Until then no request with the key makes the effect again.
 */
export const effectsOutliveSeconds = 30 * 24 * 3600;

/** Arguments and result of an effect as its lease keeps them: with the request they are of, for leases know nothing of requests. */
interface Owned<Value> {
  readonly requestFingerprint: string;
  readonly value: Value;
}

/**
 * `tx.once` for one request. An effect made for another request under the same key is not this one's: without a receipt, as when the
 * process died before its commit, nothing but the lease can tell.
 *
 * Throws as `Once` does, and KeyReused for an effect of another request. What a person has unlocked is believed.
 */
export function onceOf(once: Once, { id, fingerprint }: ReceiptDraft): Once {
  return async <Args, Result>(name: string, effect: Effect<Args, Result>): Promise<Result> => {
    let reused: KeyReused | undefined;
    const ours = <Value>(value: Value): Owned<Value> => ({ requestFingerprint: fingerprint, value });
    const valueOf = <Value>({ requestFingerprint, value }: Owned<Value>): Value => {
      if (requestFingerprint === fingerprint) return value;
      throw (reused = new KeyReused(id, requestFingerprint, fingerprint));
    };
    const owned: Effect<Owned<Args>, Owned<Result>> = {
      ...effect,
      args: ours(effect.args),
      run: async (args, call) => ours(await effect.run(valueOf(args), call)),
      isDefinite: (error) => error === reused || effect.isDefinite?.(error) === true,
      onUnknown: policyOf<Args, Result>(effect.onUnknown, valueOf, ours),
    };
    try {
      const result: Result | Owned<Result> = await once(name, owned);
      return isOwned(result) ? valueOf(result) : result;
    } catch (error) {
      // A look-up's throw is no answer to the lease, but it is one to the request.
      throw reused ?? error;
    }
  };
}

function policyOf<Args, Result>(
  policy: OnUnknown<Args, Result>,
  valueOf: (args: Owned<Args>) => Args,
  ours: (result: Result) => Owned<Result>,
): OnUnknown<Owned<Args>, Owned<Result>> {
  if (policy === 'block' || 'retry' in policy) return policy;
  return {
    reconcile: async (args, call): Promise<Finding<Owned<Result>>> => {
      const finding = await policy.reconcile(valueOf(args), call);
      return finding.kind === 'done' ? { kind: 'done', result: ours(finding.result) } : finding;
    },
  };
}

/** Whether a stored result is of a run; one that a person gave with `unlock` is bare. */
function isOwned<Result>(result: Result | Owned<Result>): result is Owned<Result> {
  return typeof result === 'object' && result !== null && 'requestFingerprint' in result;
}

/**
 * The answer to what `tx.once` has thrown; undefined for all else. None of them is saved: the same request may come again, and has to
 * for its effect to be recovered.
 */
export function leaseAnswer(error: unknown, problem: Problems): RenderedResponse | undefined {
  if (error instanceof Waiting)
    return problem('key-in-use', { detail: inUse, headers: retryAfter(error.retryAt - Date.now()) });
  // Whoever has taken the lease over is at work.
  if (error instanceof LeaseLost) return problem('key-in-use', { detail: inUse, headers: retryAfter() });
  if (error instanceof EffectBlocked)
    // The lease's id holds a hash of the key, not the key.
    return problem('effect-blocked', {
      detail:
        'nobody knows whether an effect of this request happened, and it is not made again by itself; an operator finds out, says so with ' +
        `npx exactly-once-aws unlock '${error.leaseId}' --row, and the same request is sent again with the same Idempotency-Key`,
    });
  if (error instanceof OutcomeUnknown || error instanceof CommitFailed)
    return problem('not-confirmed', { detail: unconfirmed, headers: retryAfter() });
  return undefined;
}

/** Retry-After in whole seconds, not before the time is over and at least 1. */
export function retryAfter(ms = 0): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}

export const inUse =
  'send the same request again, with the same Idempotency-Key, after the time in Retry-After';
export const unconfirmed =
  'whether it was done is not known; send the same request again, with the same Idempotency-Key, after the time in Retry-After';
