import { backoff } from '../dedup/backoff.js';
import type { UnitOutcome } from './attempt-result.js';
import { isDone } from './commit-in-parts.js';
import { CommitFailed, ConditionFailed, faultOf, IgnoreMessage, isFinal } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome, Outcomes } from '../dedup/outcome.js';
import type { Unit } from './pack.js';
import type { Transaction } from './transaction.js';
import type { Running } from './work.js';

const maxRuns = 10;

/**
 * Waits until a handler that has thrown may run again: something has changed since it read it (R47).
 *
 * @throws what it has thrown, where everything that it read still stands; CommitFailed when it has run often enough.
 */
export async function mayRunAgain(
  handling: Running,
  tx: Transaction,
  thrown: unknown,
  { deadline, meter }: Limits,
): Promise<void> {
  if (faultOf(thrown) !== 'message' || (await tx.stillStands())) throw thrown;
  meter.conflicts += 1;
  if (!mayRun(handling, deadline)) throw restless(handling);
  await backoff(handling.runs, deadline);
}

/** Whether it has an answer to a failed condition, and the condition is not one of that answer. */
function answers({ work, answered }: Running): boolean {
  return work.onConditionFailed !== undefined && !answered;
}

function mayRun({ runs, slowestMs }: Running, deadline: number): boolean {
  return runs < maxRuns && Date.now() + 2 * slowestMs < deadline;
}

/** Why it does not run once more. */
function restless({ runs }: Running): CommitFailed {
  return new CommitFailed(`what the handler read has changed each of ${runs} times; the message comes again`);
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

/** See `commitHandlings`. @param first what the first commit of all of them has come to */
export async function commitOn<One extends Running>(
  commit: (some: readonly One[]) => Promise<ReadonlyMap<Unit, UnitOutcome>>,
  handlings: readonly One[],
  limits: Limits,
  first: ReadonlyMap<Unit, UnitOutcome>,
): Promise<Outcomes<One>> {
  const outcomes = new Map<One, Outcome>();
  const due = new Map<One, Due>();
  /** In which somebody did not get through: the later ones are not tried. */
  const closed = new Set<string>();
  const settle = (handling: One, outcome: Outcome) => {
    outcomes.set(handling, outcome);
    if (!isDone(outcome)) closed.add(handling.work.lane);
  };
  let open = handlings;
  for (let early: typeof first | undefined = first; open.length > 0; early = undefined) {
    const turn = inTurn(open, due);
    await Promise.all(
      turn.map(async (handling) => {
        const thrown = await runAgain(handling, due.get(handling), limits);
        if (thrown !== undefined) settle(handling, thrown);
        due.delete(handling);
      }),
    );
    const ready = turn.filter((one) => !outcomes.has(one) && !closed.has(one.work.lane));
    const committed = early ?? (await commit(ready));
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
 * Those that go into the next commit: one that has to run again waits for an earlier one that does in its lane, and
 * for each that writes what it reads, for it would run in vain. The later ones of its lane wait with it.
 */
function inTurn<One extends Running>(open: readonly One[], due: ReadonlyMap<One, Due>): One[] {
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

function dueOf(handling: Running, outcome: UnitOutcome): Due | undefined {
  if (outcome.kind === 'outdated') return { failed: undefined, contended: !outcome.own };
  if (outcome.kind === 'retry' && outcome.error instanceof ConditionFailed && answers(handling))
    return { failed: outcome.error, contended: false };
  return undefined;
}

/** Undefined when the handler has run, or need not. */
async function runAgain(
  handling: Running,
  due: Due | undefined,
  limits: Limits,
): Promise<Outcome | undefined> {
  if (due === undefined) return undefined;
  const { failed, contended } = due;
  if (!mayRun(handling, limits.deadline)) return { kind: 'retry', error: failed ?? restless(handling) };
  if (contended && handling.runs > 1) await backoff(handling.runs, limits.deadline);
  try {
    await handling.run(limits, failed);
    return undefined;
  } catch (error) {
    return outcomeOf(error);
  }
}
