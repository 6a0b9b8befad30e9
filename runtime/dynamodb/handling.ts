import { backoff } from '../dedup/backoff.js';
import { isDone, type DynamoStore } from './dynamo-store.js';
import type { UnitOutcome } from './attempt-result.js';
import type { Once } from '../dedup/effect.js';
import {
  CommitFailed,
  ConditionFailed,
  faultOf,
  IgnoreMessage,
  InvalidWrite,
  isFinal,
} from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome, Outcomes } from '../dedup/outcome.js';
import { conditions } from './conditions.js';
import type { Unit } from './pack.js';
import { assertStampable, storedResult, type ReceiptDraft } from './receipt.js';
import type { Transaction } from './transaction.js';
import { assertExpressible } from './write.js';

/** What is to be done exactly once, for one message. */
export interface Work {
  /** Its receipt, but for the result, which is what `handle` returns. */
  readonly receipt: Omit<ReceiptDraft, 'result'>;
  readonly lane: string;
  /** Fills the transaction. It may run more than once, so it must have no effect outside of it. */
  readonly handle: (tx: Transaction) => unknown;
  /** Fills another transaction, to be committed instead of the one whose condition failed. @default - the message comes again */
  readonly onConditionFailed?: (failed: ConditionFailed, tx: Transaction) => unknown;
  /** What `tx.once` makes effects with. @default - `tx.once` throws */
  readonly once?: Once;
}

/** One message while its handler runs and its transaction is committed. */
export class Handling {
  /** How often the handler has run. */
  runs = 0;
  #answered = false;
  #slowestMs = 0;
  #unit: Unit | undefined;
  #looked = false;

  constructor(
    private readonly store: DynamoStore,
    readonly work: Work,
  ) {}

  get lane(): string {
    return this.work.lane;
  }

  /** What the last run has filled. */
  get unit(): Unit {
    if (this.#unit === undefined) throw new TypeError('the handler has not run yet; call `run` first');
    return this.#unit;
  }

  /** Whether the last run has read the store or made an effect. */
  get looked(): boolean {
    return this.#looked;
  }

  /**
   * Runs the handler on a new transaction, or its answer to a condition that failed. Throws as they do, but not because of something
   * that has changed since they read it: then the handler runs again (R47).
   *
   * @param ahead whether earlier messages of the lane are not committed yet. What is thrown then is no verdict, and nothing is checked.
   */
  async run(limits: Limits, failed?: ConditionFailed, ahead = false): Promise<void> {
    for (let answering = failed; ; answering = undefined) {
      const tx = this.store.transaction(limits);
      try {
        await this.#fill(tx, answering, ahead);
        return;
      } catch (error) {
        const thrown = tx.close(error);
        if (ahead || !tx.looked || faultOf(thrown) !== 'message' || (await tx.stillStands())) throw thrown;
        limits.meter.conflicts += 1;
        if (!this.mayRun(limits.deadline)) throw this.restless();
        await backoff(this.runs, limits.deadline);
      }
    }
  }

  async #fill(tx: Transaction, failed: ConditionFailed | undefined, ahead: boolean): Promise<void> {
    const { handle, onConditionFailed, once } = this.work;
    const began = performance.now();
    this.runs += 1;
    this.#answered = failed !== undefined;
    tx.lease(once, ahead);
    try {
      const result = await (failed === undefined ? handle(tx) : onConditionFailed?.(failed, tx));
      tx.seal();
      this.#unit = unitOf(this.work, tx, result);
    } finally {
      this.#looked = tx.looked;
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began);
    }
  }

  /** Whether it has an answer to a failed condition, and the condition is not one of that answer. */
  get answers(): boolean {
    return this.work.onConditionFailed !== undefined && !this.#answered;
  }

  mayRun(deadline: number): boolean {
    return this.runs < maxRuns && Date.now() + 2 * this.#slowestMs < deadline;
  }

  /** Why it does not run once more. */
  restless(): CommitFailed {
    return new CommitFailed(
      `what the handler read has changed each of ${this.runs} times; the message comes again`,
    );
  }
}

const maxRuns = 10;

/** What a handler has filled. Everything about it that DynamoDB would refuse is found now, and is its own message's fault (R44). */
function unitOf({ receipt, lane }: Work, tx: Transaction, returned: unknown): Unit {
  const { writes, publications } = tx;
  const result = storedResult(returned);
  for (const write of writes) assertExpressible(write);
  const { at } = receipt;
  if (at !== undefined) {
    const row = writes.find(({ address }) => address.id === at.id);
    if (row?.kind !== 'put' || row.condition?.expression !== conditions.rowAbsent)
      throw new InvalidWrite(
        at.tableName,
        'the handler has not made the row that is the receipt of its message; make it with tx.insert, at the key that `receipt.key` gives',
      );
    assertStampable(at.tableName, row.item, row.bytes ?? 0, { result });
  }
  return { receipt: { ...receipt, result }, writes, publications, lane };
}

/** What becomes of a message whose handler throws when it runs again. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof IgnoreMessage) return { kind: 'ignored' };
  return { kind: isFinal(error) ? 'rejected' : 'retry', error };
}

/** Why a handling has to run again before it can be committed. */
interface Due {
  readonly failed: ConditionFailed | undefined;
  /** Somebody else has changed what it read, and might again. */
  readonly contended: boolean;
}

/**
 * Commits what the handlers have filled. One whose reads have changed since runs again on what is stored now, ten times at most and
 * within the deadline (R13); so does one whose condition failed, where it answers to that. The later ones of its lane wait for it, and
 * of those that read what others of them write, each runs after the one before it is committed: that makes two runs of each, and no
 * wait, where all running at once would make one more with each commit. Never throws. What is in no entry was not tried.
 */
export async function commitHandlings(
  store: DynamoStore,
  handlings: readonly Handling[],
  limits: Limits,
): Promise<Outcomes<Handling>> {
  const outcomes = new Map<Handling, Outcome>();
  const commits = new Set<string>();
  const due = new Map<Handling, Due>();
  /** In which somebody did not get through: the later ones are not tried. */
  const closed = new Set<string>();
  const settle = (handling: Handling, outcome: Outcome) => {
    outcomes.set(handling, outcome);
    if (!isDone(outcome)) closed.add(handling.work.lane);
  };
  let open = handlings;
  while (open.length > 0) {
    const turn = inTurn(open, due);
    await Promise.all(
      turn.map(async (handling) => {
        const thrown = await runAgain(handling, due.get(handling), limits);
        if (thrown !== undefined) settle(handling, thrown);
        due.delete(handling);
      }),
    );
    const ready = turn.filter((one) => !outcomes.has(one) && !closed.has(one.work.lane));
    const committed = await store.commit(
      ready.map(({ unit }) => unit),
      limits,
      commits,
    );
    for (const handling of ready) {
      const outcome = committed.get(handling.unit);
      const again = outcome && dueOf(handling, outcome);
      if (again !== undefined) due.set(handling, again);
      else if (outcome !== undefined && outcome.kind !== 'outdated') settle(handling, outcome);
    }
    const waits = new Set([...due.keys()].map(({ work }) => work.lane));
    const tried = new Set(ready);
    open = open.filter(
      (one) =>
        !outcomes.has(one) &&
        !closed.has(one.work.lane) &&
        (!tried.has(one) || due.has(one) || waits.has(one.work.lane)),
    );
  }
  return outcomes;
}

/**
 * Those that go into the next commit: one that has to run again waits for an earlier one that does in its lane, and for each that writes
 * what it reads, for it would run in vain. The later ones of its lane wait with it.
 */
function inTurn(open: readonly Handling[], due: ReadonlyMap<Handling, Due>): Handling[] {
  const written = new Set<string>();
  const running = new Set<string>();
  const stopped = new Set<string>();
  return open.filter((handling) => {
    const { lane } = handling.work;
    const { writes } = handling.unit;
    const reads = writes.some(({ seen, address }) => seen !== undefined && written.has(address.id));
    if (due.has(handling) && (reads || running.has(lane))) stopped.add(lane);
    if (stopped.has(lane)) return false;
    if (due.has(handling)) running.add(lane);
    for (const { kind, address } of writes) if (kind !== 'check') written.add(address.id);
    return true;
  });
}

function dueOf(handling: Handling, outcome: UnitOutcome): Due | undefined {
  if (outcome.kind === 'outdated') return { failed: undefined, contended: !outcome.own };
  if (outcome.kind === 'retry' && outcome.error instanceof ConditionFailed && handling.answers)
    return { failed: outcome.error, contended: false };
  return undefined;
}

/** Undefined when the handler has run, or need not. */
async function runAgain(
  handling: Handling,
  due: Due | undefined,
  limits: Limits,
): Promise<Outcome | undefined> {
  if (due === undefined) return undefined;
  const { failed, contended } = due;
  if (!handling.mayRun(limits.deadline)) return { kind: 'retry', error: failed ?? handling.restless() };
  if (contended && handling.runs > 1) await backoff(handling.runs, limits.deadline);
  try {
    await handling.run(limits, failed);
    return undefined;
  } catch (error) {
    return outcomeOf(error);
  }
}
