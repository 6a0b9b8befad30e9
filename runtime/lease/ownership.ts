import type { EffectCall, Finding, LookUp } from '../dedup/effect.js';
import {
  EffectBlocked,
  errorText,
  LeaseHeld,
  LeaseLost,
  OutcomeUnknown,
  ResultLost,
} from '../dedup/errors.js';
import { decide, type LeaseRules } from '../dedup/lease-decision.js';
import type { Lease, LeaseStore } from '../dedup/lease-store.js';
import { valueOfText, valueText } from '../dedup/value-text.js';
import { errorLine } from '../telemetry/error-line.js';
import { completeSurely } from './complete.js';
import type { LeaseEvent } from './lease-event.js';

export interface OwnershipFacts {
  readonly consumerName: string;
  readonly rules: LeaseRules;
  readonly report: (kind: LeaseEvent['kind'], reason?: string) => void;
}

/** A signal fires this part of the lease before its end, so that the effect can stop in time. */
const stopPart = 0.1;

/**
 * A lease in the hands of its owner: what the owner may say about the effect, each thing refused once another has the
 * lease.
 */
export class Ownership {
  /** An earlier owner may have made the effect. */
  #inDoubt: boolean;
  readonly #store: LeaseStore;
  readonly #lease: Lease;
  readonly #facts: OwnershipFacts;

  constructor(store: LeaseStore, lease: Lease, facts: OwnershipFacts) {
    this.#store = store;
    this.#lease = lease;
    this.#facts = facts;
    this.#inDoubt = lease.inDoubt;
  }

  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** JSON text of the arguments that the first call was made with. */
  get args(): string | undefined {
    return this.#lease.args;
  }

  /**
   * What is left until the effect should stop, in milliseconds, by a clock that nobody sets. 0 or less: it must not
   * begin.
   */
  get leftMs(): number {
    return this.#lease.sentAt + this.#facts.rules.durationMs * (1 - stopPart) - performance.now();
  }

  /**
   * Asked before the effect begins: past its lease a successor may be at it.
   *
   * @throws LeaseHeld when its lease is over; it is given back.
   * @throws LeaseLost when another owner has it.
   */
  async assertInTime(): Promise<void> {
    if (this.leftMs > 0) return;
    await this.giveBack();
    throw new LeaseHeld(
      this.#lease.id,
      this.#store.now(),
      'the effect would have begun past its lease; it was given back',
    );
  }

  /**
   * Asks the other side about earlier calls.
   *
   * @returns the result to go on with, or undefined when the effect is to be made.
   * @throws LeaseHeld when the other side cannot tell; the lease is given back.
   */
  async reconcile<Args, Result>(
    lookUp: LookUp<Args, Result>,
    args: Args,
    call: EffectCall,
  ): Promise<{ readonly result: Result } | undefined> {
    const finding = await asked(lookUp, args, call);
    if (finding.kind === 'done') return { result: await this.complete(finding.result) };
    if (finding.kind === 'not-done') {
      this.#inDoubt = false;
      return undefined;
    }
    const { maxClockSkewMs, maxEffectDelayMs } = this.#facts.rules;
    await this.#unknown('the other side could not tell');
    const until = this.#lease.endsAt + maxClockSkewMs + maxEffectDelayMs;
    throw new LeaseHeld(this.#lease.id, until, 'the other side could not tell yet whether it happened');
  }

  /**
   * @returns the result as every later try gets it.
   * @throws LeaseLost when another owner has the lease.
   * @throws ResultLost when the result cannot be stored. The effect is completed all the same, and listed.
   */
  async complete<Result>(result: Result): Promise<Result> {
    const { consumerName, report } = this.#facts;
    const { written, lost } = await completeSurely(this.#store, this.#lease, result, consumerName);
    if (!written) throw this.#lost('completion');
    if (lost === undefined) return result === undefined ? result : (valueOfText(valueText(result)) as Result);
    report('blocked', 'its result is lost');
    throw new ResultLost(this.#lease.id, lost.message, this.#store.unlocking, { cause: lost });
  }

  /**
   * Says that this owner made nothing. If an earlier one may have, that is still so.
   *
   * @throws LeaseLost when another owner has the lease.
   */
  async giveBack(): Promise<void> {
    if (this.#inDoubt) await this.#unknown('an earlier call may have acted');
    else if (!(await this.#store.free(this.#lease))) throw this.#lost('release');
  }

  /**
   * Says that the effect threw, and nobody knows what it did. What the policy blocks is listed at once.
   *
   * @returns what to throw.
   * @throws LeaseLost when another owner has the lease.
   */
  async outcomeUnknown(cause: unknown): Promise<OutcomeUnknown | EffectBlocked> {
    const { consumerName, rules, report } = this.#facts;
    const { id } = this.#lease;
    const reason = errorText(cause);
    // What somebody's error says may be anybody's data: it is in the row, and not in the log (R59).
    report('unknown-outcome', `it threw ${errorLine(cause).error}`);
    await this.#unknown(reason, cause);
    const row = await this.#store.read(id);
    const decision = row && decide(row, rules, this.#store.now());
    if (row === undefined || decision?.kind !== 'blocked') return new OutcomeUnknown(id, { cause });
    if (await this.#store.block(row, consumerName, decision.reason)) report('blocked', decision.because);
    return new EffectBlocked(id, decision.reason, decision.because, this.#store.unlocking, { cause });
  }

  async #unknown(reason: string, cause?: unknown): Promise<void> {
    if (!(await this.#store.unknown(this.#lease, reason))) throw this.#lost('unknown outcome', cause);
  }

  #lost(refused: LeaseLost['refused'], cause?: unknown): LeaseLost {
    this.#facts.report('zombie-rejected', `${refused} refused`);
    return new LeaseLost(this.#lease.id, refused, { cause });
  }
}

async function asked<Args, Result>(
  lookUp: LookUp<Args, Result>,
  args: Args,
  call: EffectCall,
): Promise<Finding<Result>> {
  try {
    return await lookUp(args, call);
  } catch {
    return { kind: 'unclear' };
  }
}
