import { backoff } from '../dedup/backoff.js';
import type { CommitLimits, CommitOutcome, DynamoStore, UnitOutcome } from './dynamo-store.js';
import { CommitFailed, ConditionFailed, RejectMessage } from '../dedup/errors.js';
import { Meter } from '../dedup/meter.js';
import type { Unit } from './pack.js';
import type { ReceiptDraft } from './receipt.js';
import type { Transaction } from './transaction.js';

/** What is to be done exactly once, for one message. */
export interface Work {
  /** Its receipt, but for the result, which is what `handle` returns. */
  readonly receipt: Omit<ReceiptDraft, 'result'>;
  readonly lane: string;
  /** Fills the transaction. It may run more than once, so it must have no effect outside of it. */
  readonly handle: (tx: Transaction) => unknown;
  /** Fills another transaction, to be committed instead of the one whose condition failed. @default - the message comes again */
  readonly onConditionFailed?: (failed: ConditionFailed, tx: Transaction) => unknown;
}

/** One message while its handler runs and its transaction is committed. */
export class Handling {
  /** Counts the reads of the first run. */
  readonly meter = new Meter();
  /** How often the handler has run. */
  runs = 0;
  #answered = false;
  #slowestMs = 0;
  #unit: Unit | undefined;

  constructor(
    private readonly store: DynamoStore,
    readonly work: Work,
  ) {}

  get lane(): string {
    return this.work.lane;
  }

  /** What the last run has filled. */
  get unit(): Unit {
    if (this.#unit === undefined) throw new CommitFailed('the handler has not run yet; call `run` first');
    return this.#unit;
  }

  /** Runs the handler on a new transaction, or its answer to a condition that failed. Throws as they do. */
  async run(failed?: ConditionFailed): Promise<void> {
    const { receipt, lane, handle, onConditionFailed } = this.work;
    const began = performance.now();
    const tx = this.store.transaction(this.meter);
    this.runs += 1;
    this.#answered = failed !== undefined;
    const result = await (failed === undefined ? handle(tx) : onConditionFailed?.(failed, tx));
    const { writes, publications } = tx;
    this.#unit = { receipt: { ...receipt, result }, writes, publications, lane };
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began);
  }

  /** Whether it has an answer to a failed condition, and the condition is not one of that answer. */
  get answers(): boolean {
    return this.work.onConditionFailed !== undefined && !this.#answered;
  }

  mayRun(deadline: number): boolean {
    return this.runs < maxRuns && Date.now() + 2 * this.#slowestMs < deadline;
  }
}

const maxRuns = 10;

/** Like {@link CommitOutcome}, and whatever a handler has thrown when it ran again. */
export type HandlingOutcome =
  | Exclude<CommitOutcome, { error: unknown }>
  | { readonly kind: 'rejected' | 'failed'; readonly error: unknown };

/**
 * Commits what the handlers have filled. One whose reads have changed since runs again on what is stored now, ten times at most and
 * within the deadline (R13); so does one whose condition failed, where it answers to that. The later ones of its lane wait for it.
 * Never throws.
 */
export async function commitHandlings(
  store: DynamoStore,
  handlings: readonly Handling[],
  limits: CommitLimits,
): Promise<Map<Handling, HandlingOutcome>> {
  const outcomes = new Map<Handling, HandlingOutcome>();
  const commits = new Set<string>();
  let open = handlings;
  while (open.length > 0) {
    const units = open.map((handling) => handling.unit);
    const committed = await store.commit(units, limits, commits);
    const again: Handling[] = [];
    /** In which somebody runs again: the later ones wait for that. */
    const waiting = new Set<string>();
    /** In which somebody did not get through. A cancelled transaction says what was wrong with the later ones too, but it is not their turn. */
    const closed = new Set<string>();
    for (const handling of open) {
      const { lane } = handling.work;
      const outcome = committed.get(handling.unit) ?? { kind: 'held' };
      let settled: HandlingOutcome | undefined;
      if (closed.has(lane) && outcome.kind !== 'processed' && outcome.kind !== 'duplicate')
        settled = { kind: 'held' };
      else if (outcome.kind !== 'held' || !waiting.has(lane))
        settled = await settle(handling, outcome, limits);
      if (settled === undefined) {
        again.push(handling);
        waiting.add(lane);
      } else {
        outcomes.set(handling, settled);
        if (settled.kind === 'failed' || settled.kind === 'rejected') closed.add(lane);
      }
    }
    open = again;
  }
  for (const { meter } of handlings) limits.meter.absorb(meter);
  return outcomes;
}

/** Undefined when the handler has run again. */
async function settle(
  handling: Handling,
  outcome: UnitOutcome,
  { deadline }: CommitLimits,
): Promise<HandlingOutcome | undefined> {
  const failed =
    outcome.kind === 'failed' && outcome.error instanceof ConditionFailed && handling.answers
      ? outcome.error
      : undefined;
  if (outcome.kind !== 'stale' && failed === undefined) return outcome;
  if (!handling.mayRun(deadline)) {
    const stale = `what the handler read has changed each of ${handling.runs} times; the message comes again`;
    return { kind: 'failed', error: failed ?? new CommitFailed(stale) };
  }
  // The first time it was most likely a message of this batch that changed it.
  if (handling.runs > 1) await backoff(handling.runs, deadline);
  try {
    await handling.run(failed);
    return undefined;
  } catch (error) {
    return { kind: error instanceof RejectMessage ? 'rejected' : 'failed', error };
  }
}
