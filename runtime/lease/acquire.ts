import { EffectBlocked, InvalidSettings, LeaseHeld, ResultLost } from '../dedup/errors.js';
import { decide, type LeaseRules } from '../dedup/lease-decision.js';
import { sleep } from '../dedup/sleep.js';
import type { Lease, LeaseDraft, LeaseRow, LeaseStore } from '../dedup/lease-store.js';
import type { LeaseEvent } from './lease-event.js';

export type Acquired =
  { readonly kind: 'lease'; readonly lease: Lease } | { readonly kind: 'completed'; readonly row: LeaseRow };

export interface AcquireOptions {
  readonly consumerName: string;
  readonly rules: LeaseRules;
  /** How long to wait for another owner's outcome, in milliseconds. */
  readonly waitMs: number;
  /**
   * What to throw for the effect of another payload, where the draft has a fingerprint (`validation`). One that was
   * not made is nobody's.
   */
  readonly reused: (row: LeaseRow) => Error;
  readonly report: (kind: LeaseEvent['kind'], reason?: string) => void;
}

const pollMs = 50;

/**
 * Gets the lease, or what its former owner wrote down.
 *
 * @throws LeaseHeld, EffectBlocked, ResultLost, CommitFailed see `Once`.
 * @throws InvalidSettings for a row that is none of a lease.
 */
export async function acquire(
  store: LeaseStore,
  draft: LeaseDraft,
  options: AcquireOptions,
): Promise<Acquired> {
  const { consumerName, rules, waitMs, report } = options;
  const giveUpAt = performance.now() + waitMs;
  let answer = await store.claim(draft);
  for (;;) {
    if (!isRow(answer)) return { kind: 'lease', lease: answer };
    const { validation } = draft;
    if (validation !== undefined && answer.status !== 'FREE' && answer.validation !== validation)
      throw options.reused(answer);
    const decision = decide(answer, rules, store.now());
    switch (decision.kind) {
      case 'completed':
        if (answer.lost !== undefined) throw new ResultLost(draft.id, answer.lost, store.unlocking);
        return { kind: 'completed', row: answer };
      case 'held': {
        if (performance.now() >= giveUpAt) throw new LeaseHeld(draft.id, decision.until, decision.reason);
        await sleep(Math.min(pollMs, Math.max(1, giveUpAt - performance.now())));
        answer = (await store.read(draft.id)) ?? (await store.claim(draft));
        break;
      }
      case 'blocked': {
        if (answer.blocked || (await store.block(answer, consumerName, decision.reason))) {
          if (!answer.blocked) {
            if (answer.status !== 'UNKNOWN') report('unknown-outcome', decision.because);
            report('blocked', decision.because);
          }
          throw new EffectBlocked(draft.id, decision.reason, decision.because, store.unlocking);
        }
        const before = answer;
        answer = (await store.read(draft.id)) ?? (await store.claim(draft));
        assertChanged(before, answer);
        break;
      }
      case 'take-over': {
        const { inDoubt } = decision;
        const before = answer;
        answer = await store.claim(draft, { row: before, inDoubt });
        assertChanged(before, answer);
        if (!isRow(answer) && inDoubt) report('takeover', `status was ${before.status}`);
      }
    }
  }
}

function isRow(answer: Lease | LeaseRow): answer is LeaseRow {
  return 'status' in answer;
}

/** A write that was refused for a row which is as it was would be refused for ever. */
function assertChanged(before: LeaseRow, answer: Lease | LeaseRow): void {
  if (!isRow(answer) || answer.fence !== before.fence || answer.status !== before.status) return;
  if (answer.endsAt !== before.endsAt || answer.expiration !== before.expiration) return;
  throw new InvalidSettings([
    'the row of this key has no `status` and `expiration` as Powertools writes them by default; take a table of its own',
  ]);
}
