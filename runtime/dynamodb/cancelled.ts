import type { CancellationReason, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { AttemptResult, Finding } from './commit-attempt.js';
import { CommitFailed, ConditionFailed } from '../dedup/errors.js';
import type { Unit } from './pack.js';
import type { Numbering } from './publication.js';
import { judge } from './receipt.js';
import { nativeRow } from './table.js';
import { hasChanged, type Write } from './write.js';

/** DynamoDB names these for an action that met another request, not a fault of the action. */
const passing = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
]);

/** What a cancelled transaction says of its units. */
export function readReasons(
  units: readonly Unit[],
  effects: readonly Write[],
  numbering: Numbering | undefined,
  commits: ReadonlySet<string>,
  cause: TransactionCanceledException,
): AttemptResult {
  const reasons = cause.CancellationReasons ?? [];
  const findings = new Map<Unit, Finding>();
  let shared = false;
  // The receipt speaks first: a message that was processed is a duplicate even if its own writes made its condition false (R12).
  const unsure = new Set<Unit>();
  for (const [i, unit] of units.entries()) {
    const reason = reasons[i];
    if (reason?.Code === 'ConditionalCheckFailed' && reason.Item !== undefined)
      findings.set(unit, { kind: 'verdict', verdict: judge(reason.Item, unit.receipt, commits) });
    else if (passing.has(reason?.Code ?? ''))
      // Whether this one is a duplicate is not known, so a failed condition of its own proves nothing.
      unsure.add(unit);
    else if (reason?.Code !== undefined && reason.Code !== 'None')
      findings.set(unit, { kind: 'failed', error: refused(reason, cause) });
  }
  const find = (unit: Unit, finding: Finding) => {
    if (!findings.has(unit) && !unsure.has(unit)) findings.set(unit, finding);
  };
  let overtaken = false;
  for (const [i, write] of effects.entries()) {
    const reason = reasons[units.length + i];
    if (reason?.Code === undefined || reason.Code === 'None' || passing.has(reason.Code)) continue;
    const { id } = write.address;
    const owners = units.flatMap((unit) =>
      unit.writes.filter(({ address }) => address.id === id).map((own) => ({ unit, own })),
    );
    if (reason.Code === 'ConditionalCheckFailed') {
      // Both, also where the handler's own condition failed with them: it is judged on what is stored now.
      const behind = numbering?.overtaken(id, reason.Item) ?? false;
      const stale = owners.filter(({ own }) => hasChanged(own.seen, reason.Item));
      for (const { unit } of stale) find(unit, { kind: 'stale' });
      overtaken ||= behind;
      if (behind || stale.length > 0) continue;
    }
    const [owner] = owners;
    if (owners.length > 1) shared = true;
    else if (owner !== undefined) find(owner.unit, { kind: 'failed', error: failure(write, reason, cause) });
  }
  const publishers = units.flatMap((unit) => (unit.publications ?? []).map(() => unit));
  for (const [i, unit] of publishers.entries()) {
    const reason = reasons[units.length + effects.length + i];
    if (reason?.Code === undefined || reason.Code === 'None' || passing.has(reason.Code) || overtaken)
      continue;
    find(unit, { kind: 'failed', error: unpublished(numbering?.rows[i], reason, cause) });
  }
  if (findings.size === 0 && overtaken) return { kind: 'overtaken' };
  if (findings.size === 0 && shared) return { kind: 'split' };
  return { kind: 'cancelled', findings };
}

function failure(write: Write, reason: CancellationReason, cause: Error): ConditionFailed | CommitFailed {
  if (reason.Code !== 'ConditionalCheckFailed') return refused(reason, cause);
  const item = reason.Item && nativeRow(reason.Item);
  return new ConditionFailed(write.address.tableName, write.address.id, item);
}

function refused(reason: CancellationReason, cause: Error): CommitFailed {
  return new CommitFailed(`DynamoDB refused a write: ${reason.Code}: ${reason.Message ?? 'no message'}`, {
    cause,
  });
}

function unpublished(row: Write | undefined, reason: CancellationReason, cause: Error): CommitFailed {
  if (reason.Code !== 'ConditionalCheckFailed') return refused(reason, cause);
  return new CommitFailed(
    `the outbox has an event ${row?.address.id} already; its aggregate was deleted, or its version set back: publish under a new epoch`,
    { cause },
  );
}
