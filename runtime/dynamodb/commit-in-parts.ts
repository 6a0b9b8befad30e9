import { backoff } from '../dedup/backoff.js';
import {
  CommitFailed,
  EpochEnded,
  errorText,
  ExactlyOnceError,
  TransactionTooLarge,
  WriteRefused,
} from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { commitFailed, isOfSomeTable, isPassing, isRefusal } from './call-failed.js';
import type { Sent, UnitOutcome } from './attempt-result.js';
import type { DynamoStoreOptions } from './store-options.js';
import { bytesOf, maxBytes, pack, type Pack, type Unit } from './pack.js';
import { noteDuplicate } from './receipts-again.js';
import { maxActions } from './transaction.js';

const maxAttempts = 10;

/** Why a pack has settled nobody and is to be tried in another way. */
type Again = 'conflict' | 'under-way' | 'overtaken' | 'split';

interface Parts extends DynamoStoreOptions {
  readonly rate: { most: number };
  readonly limits: Limits;
  readonly send: (units: Pack) => Promise<Sent>;
}

/** A pack, and what came of it when it has been sent. */
interface Tried {
  readonly pack: Pack;
  readonly sent: Sent | undefined;
}

/** See `DynamoStore.commit`: what is to be done when its first call has not settled everybody. */
export async function commitInParts(
  parts: Parts,
  units: readonly Unit[],
  first: Tried,
): Promise<Map<Unit, UnitOutcome>> {
  const { limits, rate } = parts;
  const outcomes = new Map<Unit, UnitOutcome>();
  const held = new Set<Unit>();
  /** Items that this commit has changed. */
  const changed = new Set<string>();
  let pending: readonly Unit[] = units;
  let attempts = 0;
  /** A call of ours may still be at work: after that nobody knows whether nothing is written. */
  let unsure = false;
  let { most } = rate;
  for (let tried: Tried | undefined = first; pending.length > 0; tried = undefined) {
    const current = tried?.pack ?? pack(pending, most);
    const settled = await settle(parts, current, tried?.sent, attempts, unsure);
    unsure ||= settled === 'under-way';
    if (settled === 'conflict' || settled === 'under-way' || settled === 'overtaken') {
      limits.meter.conflicts += 1;
      attempts += 1;
      if (settled !== 'overtaken')
        rate.most = most = Math.max(1, Math.floor(Math.min(most, current.units.length) / 2));
      // Who was overtaken once had but an old memory; nobody need be in the way now.
      if (settled !== 'overtaken' || attempts > 1) await backoff(attempts, limits.deadline);
      continue;
    }
    if (settled === 'split') {
      most = 1;
      continue;
    }
    attempts = 0;
    rate.most = Math.min(maxActions, rate.most + 1);
    for (const [unit, outcome] of settled) {
      outcomes.set(unit, outcome);
      if (outcome.kind === 'processed')
        for (const { kind, address } of unit.writes) if (kind !== 'check') changed.add(address.id);
    }
    const closed = new Set<string>();
    pending = units.filter((unit) => {
      const { lane } = unit;
      const outcome = outcomes.get(unit);
      if (outcome !== undefined) {
        if (!isDone(outcome)) closed.add(lane);
        return false;
      }
      if (closed.has(lane)) held.add(unit);
      // Known without asking DynamoDB, who would bill the whole refused transaction.
      else if (unit.writes.some(({ seen, address }) => seen !== undefined && changed.has(address.id))) {
        outcomes.set(unit, { kind: 'outdated', own: true });
        closed.add(lane);
        return false;
      }
      return !held.has(unit);
    });
  }
  return inTheirTurn(units, outcomes);
}

/** One attempt for one pack: outcomes of the units it settled, or why it must be tried again another way. */
async function settle(
  { send, limits, ...options }: Parts,
  current: Pack,
  first: Sent | undefined,
  attempts: number,
  unsure: boolean,
): Promise<Map<Unit, UnitOutcome> | Again> {
  const { units } = current;
  const all = (outcome: Outcome) => new Map<Unit, UnitOutcome>(units.map((unit) => [unit, outcome]));
  const [only] = units;
  if (!current.fits && only !== undefined)
    return all({ kind: 'rejected', error: new TransactionTooLarge('bytes', bytesOf(only), maxBytes) });
  const late = first === undefined && Date.now() >= limits.deadline;
  if (attempts >= maxAttempts || (attempts > 0 && late))
    return all({
      kind: 'retry',
      error: new CommitFailed(`gave up after ${attempts} conflicts with other transactions`, {
        nothingWritten: !unsure,
      }),
    });
  if (late) return all({ kind: 'retry' });
  const sent = first ?? (await send(current));
  if ('cause' in sent) {
    const { cause } = sent;
    if (isUnderWay(cause)) return 'under-way';
    if (isPassing(cause)) return 'conflict';
    const error = failure(cause, options.tableName);
    // Whatever is no outage is somebody's own, and only alone do they show whose.
    const isOutage =
      error instanceof ExactlyOnceError &&
      error.fault === 'dependency' &&
      !(error instanceof EpochEnded || isOfSomeTable(error));
    return units.length > 1 && !isOutage ? 'split' : all({ kind: 'retry', error });
  }
  const { result } = sent;
  if (result.kind === 'split' || result.kind === 'overtaken') return result.kind;
  if (result.kind === 'committed') return all({ kind: 'processed' });
  const outcomes = new Map<Unit, UnitOutcome>();
  for (const [unit, { outcome, row }] of result.findings) {
    outcomes.set(unit, outcome);
    if (outcome.kind === 'outdated') limits.meter.conflicts += 1;
    if (outcome.kind === 'duplicate' && row !== undefined && unit.receipt.at === undefined)
      await noteDuplicate(options, unit.receipt, row, limits);
  }
  return outcomes.size > 0 ? outcomes : 'conflict';
}

/**
 * The first sending of this very request has not ended, or has; the next attempt, which is another request, finds its
 * receipt.
 */
function isUnderWay(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'TransactionInProgressException' || error.name === 'IdempotentParameterMismatchException')
  );
}

function failure(cause: unknown, tableName: string): unknown {
  if (isRefusal(cause))
    return new WriteRefused(`DynamoDB refused the commit: ${errorText(cause)}`, { cause });
  // What is neither DynamoDB's nor ours to excuse is a defect, and stays what it is.
  return cause instanceof ExactlyOnceError ? commitFailed(cause, tableName) : cause;
}

/** A cancelled transaction says what is wrong with the later ones of a lane too, but it is not their turn (R47). */
function inTheirTurn(
  units: readonly Unit[],
  outcomes: ReadonlyMap<Unit, UnitOutcome>,
): Map<Unit, UnitOutcome> {
  const closed = new Set<string>();
  const settled = new Map<Unit, UnitOutcome>();
  for (const unit of units) {
    const outcome = outcomes.get(unit);
    if (outcome === undefined || (closed.has(unit.lane) && !isDone(outcome))) continue;
    settled.set(unit, outcome);
    if (!isDone(outcome)) closed.add(unit.lane);
  }
  return settled;
}

/** Whether later ones of the lane may follow. */
export function isDone({ kind }: UnitOutcome): boolean {
  return kind === 'processed' || kind === 'duplicate' || kind === 'ignored';
}
