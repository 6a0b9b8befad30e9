import { crashPoint } from '../dedup/crash-points.js';
import type { Effect } from '../dedup/effect.js';
import { EffectNotStarted, KeyReused } from '../dedup/errors.js';
import type { LeaseRow, LeaseStore } from '../dedup/lease-store.js';
import { timerMs } from '../dedup/timer-ms.js';
import { valueOfText } from '../dedup/value-text.js';
import { acquire } from './acquire.js';
import { Ownership, type OwnershipFacts } from './ownership.js';

/** One effect of one message, with everything that is known about it. */
export interface OnceCall<Args, Result> extends OwnershipFacts {
  readonly id: string;
  readonly idempotencyKey: string;
  readonly effect: Effect<Args, Result>;
  /** Of `valueText`. */
  readonly args: string;
  /** Of the message's payload; undefined where nobody knows it. */
  readonly fingerprint: string | undefined;
}

/** Claims, makes the effect, writes the outcome down. See `Once` for what it guarantees and throws. */
export async function runOnce<Args, Result>(
  store: LeaseStore,
  once: OnceCall<Args, Result>,
): Promise<Result> {
  const { id, effect, rules } = once;
  const { isDefinite, onUnknown, waitMs = 0 } = effect;
  const draft = { id, durationMs: rules.durationMs, args: once.args, validation: once.fingerprint };
  const reused = ({ validation }: LeaseRow) =>
    new KeyReused(id, validation ?? 'none', once.fingerprint ?? 'none');
  const acquired = await acquire(store, draft, { ...once, waitMs, reused });
  if (acquired.kind === 'completed') return acquired.row.result as Result;
  const own = new Ownership(store, acquired.lease, once);
  await crashPoint('lease-claimed');
  await own.assertInTime();
  const call = { idempotencyKey: once.idempotencyKey, signal: AbortSignal.timeout(timerMs(own.leftMs)) };
  const args = valueOfText(own.args ?? once.args) as Args;
  if (own.inDoubt && onUnknown !== 'block' && 'reconcile' in onUnknown) {
    const found = await own.reconcile(onUnknown.reconcile, args, call);
    if (found !== undefined) return found.result;
    await own.assertInTime();
  }
  let result: Result;
  try {
    result = await effect.run(args, call);
  } catch (error) {
    if (!(error instanceof EffectNotStarted) && !isSure(isDefinite, error))
      throw await own.outcomeUnknown(error);
    await own.giveBack();
    throw error;
  }
  await crashPoint('effect-done');
  const kept = await own.complete(result);
  await crashPoint('lease-completed');
  return kept;
}

/** Whether an error says that nothing was made. Who cannot tell, because he throws, does not know it (R26). */
function isSure(isDefinite: ((error: unknown) => boolean) | undefined, error: unknown): boolean {
  try {
    return isDefinite?.(error) === true;
  } catch {
    return false;
  }
}
