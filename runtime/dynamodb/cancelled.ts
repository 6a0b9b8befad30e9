import type { CancellationReason, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { Attributes } from './attribute-value.js';
import { native } from './native-value.js';
import type { Action, AttemptResult, Finding } from './attempt-result.js';
import { decide, type Decision } from './decisions.js';
import { CommitFailed, ConditionFailed, WriteRefused } from '../dedup/errors.js';
import type { Unit } from './pack.js';
import type { Numbering } from './publication.js';
import { hasChanged } from './has-changed.js';
import { judge, judgeRow } from './receipt-verdict.js';

/**
 * What a cancelled transaction says of its units. A unit of which it says nothing was innocent and may be tried
 * again.
 *
 * @param commits tokens of our own attempts
 */
export function readReasons(
  actions: readonly Action[],
  numbering: Numbering | undefined,
  commits: ReadonlySet<string>,
  cause: TransactionCanceledException,
): AttemptResult {
  const findings = new Map<Unit, Finding>();
  const unsure = new Set<Unit>();
  const met = { shared: false, overtaken: false };
  const find = (unit: Unit, finding: Finding) => {
    if (!findings.has(unit) && !unsure.has(unit)) findings.set(unit, finding);
  };
  const blame = ({ owners }: Action, error: ConditionFailed | CommitFailed | WriteRefused) => {
    const [owner] = owners;
    if (owners.length > 1) met.shared = true;
    else if (owner !== undefined) find(owner.unit, { outcome: { kind: 'retry', error } });
  };
  const says: Record<Decision, (action: Action, reason: CancellationReason) => void> = {
    innocent: () => undefined,
    unsure: ({ owners }) => {
      for (const { unit } of owners) unsure.add(unit);
    },
    judge: (action, reason) => {
      const { Item: row } = reason;
      if (row === undefined) blame(action, depending(reason, cause));
      else
        for (const { unit } of action.owners)
          find(unit, { outcome: verdict(action, unit, row, commits), row });
    },
    compare: (action, { Item: row }) => {
      const { id, tableName } = action.write.address;
      const outdated = action.owners.filter(({ own }) => hasChanged(own.seen, row));
      for (const { unit } of outdated) find(unit, { outcome: { kind: 'outdated', own: false } });
      if (outdated.length === 0) blame(action, new ConditionFailed(tableName, id, row && native(row)));
    },
    taken: () => {
      met.overtaken = true;
    },
    refuse: (action, reason) => blame(action, refused(reason, cause)),
    depend: (action, reason) => blame(action, depending(reason, cause)),
  };
  const spoken = actions.map((action, i) => ({ action, reason: cause.CancellationReasons?.[i] ?? {} }));
  // Also where somebody is about to write the row: the next attempt asks, instead of being refused.
  numbering?.doubt(
    spoken
      .filter(({ action, reason: { Code = 'None' } }) => action.role === 'event' && Code !== 'None')
      .map(({ action }) => action.write),
  );
  // The receipt speaks first: a message that was processed is a duplicate even if its own writes made its condition
  // false (R12).
  for (const first of [true, false])
    for (const { action, reason } of spoken)
      if ((action.role === 'receipt') === first) says[decide(action.role, reason.Code)](action, reason);
  if (findings.size === 0 && met.overtaken) return { kind: 'overtaken' };
  if (findings.size === 0 && met.shared) return { kind: 'split' };
  return { kind: 'cancelled', findings };
}

function verdict({ write }: Action, { receipt }: Unit, row: Attributes, commits: ReadonlySet<string>) {
  const { id } = write.address;
  return receipt.at?.id === id ? judgeRow(row, receipt, commits, id) : judge(row, receipt, commits);
}

function refused({ Code, Message }: CancellationReason, cause: Error): WriteRefused {
  return new WriteRefused(`DynamoDB refused a write: ${Code}: ${Message ?? 'no message'}`, { cause });
}

function depending({ Code, Message }: CancellationReason, cause: Error): CommitFailed {
  return new CommitFailed(`DynamoDB cancelled the commit: ${Code}: ${Message ?? 'no message'}`, {
    cause,
    nothingWritten: true,
  });
}
