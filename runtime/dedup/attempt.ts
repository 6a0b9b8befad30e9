import { randomUUID } from 'node:crypto';
import {
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type CancellationReason,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { crashPoint } from './crash-points.js';
import { CommitFailed, ConditionFailed } from './errors.js';
import type { Meter } from './meter.js';
import { join, type Unit } from './pack.js';
import { judge, receiptWrite, type Verdict } from './receipt.js';
import { nativeRow } from './table.js';
import { actionOf, type Write } from './write.js';

/** What became of one unit of a cancelled attempt. A unit that is in no list was innocent and may be tried again. */
export type Finding =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'failed'; readonly error: ConditionFailed | CommitFailed };

export type AttemptResult =
  | { readonly kind: 'committed' }
  /** Nothing was written. `conflict`: another transaction was in the way, or the table throttled. */
  | { readonly kind: 'cancelled'; readonly findings: ReadonlyMap<Unit, Finding>; readonly conflict: boolean }
  /** One write that several units share was refused: only alone do they show which one is at fault. */
  | { readonly kind: 'split' };

/** DynamoDB names these for an action that met another request, not a fault of the action. */
const passing = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
]);

/**
 * Sends the units of one pack as one TransactWriteItems: every receipt and every effect, or nothing.
 *
 * @param commits tokens of all attempts of this commit, this one's is added: a receipt that carries one of them is our own write
 *   whose answer was lost. The token is also the ClientRequestToken, so that the SDK's own second try is the same request to
 *   DynamoDB for 10 minutes.
 * @throws whatever the SDK throws when the outcome is not known or the call was refused as a whole.
 */
export async function attempt(
  client: DynamoDBClient,
  receipts: { readonly tableName: string; readonly expiration: number },
  units: readonly Unit[],
  commits: Set<string>,
  meter: Meter,
): Promise<AttemptResult> {
  const commit = randomUUID();
  commits.add(commit);
  const proofs = units.map((unit) =>
    receiptWrite(receipts.tableName, unit.receipt, commit, receipts.expiration),
  );
  const effects = [...effectsOf(units).values()];
  await crashPoint('before-commit');
  try {
    meter.call();
    const answer = await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [...proofs, ...effects].map(actionOf),
        ClientRequestToken: commit,
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.write(answer.ConsumedCapacity);
    await crashPoint('after-commit');
    return { kind: 'committed' };
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const reasons = error.CancellationReasons ?? [];
    return readReasons(units, effects, reasons, commits, error);
  }
}

/** The effects of all units, one write per item. `pack` has made sure that they can be joined. */
function effectsOf(units: readonly Unit[]): Map<string, Write> {
  let effects = new Map<string, Write>();
  for (const unit of units) {
    const joined = join(effects, unit.writes);
    if (joined === undefined)
      throw new CommitFailed('two messages of one pack write one item; this is a defect of `pack`');
    effects = joined;
  }
  return effects;
}

function readReasons(
  units: readonly Unit[],
  effects: readonly Write[],
  reasons: readonly CancellationReason[],
  commits: ReadonlySet<string>,
  cause: Error,
): AttemptResult {
  const findings = new Map<Unit, Finding>();
  let conflict = false;
  let shared = false;
  // The receipt speaks first: a message that was processed is a duplicate even if its own writes made its condition false (R12).
  const unsure = new Set<Unit>();
  for (const [i, unit] of units.entries()) {
    const reason = reasons[i];
    if (reason?.Code === 'ConditionalCheckFailed' && reason.Item !== undefined)
      findings.set(unit, { kind: 'verdict', verdict: judge(reason.Item, unit.receipt, commits) });
    else if (passing.has(reason?.Code ?? '')) {
      conflict = true;
      // Whether this one is a duplicate is not known, so a failed condition of its own proves nothing.
      unsure.add(unit);
    } else if (reason?.Code !== undefined && reason.Code !== 'None')
      findings.set(unit, { kind: 'failed', error: refused(reason, cause) });
  }
  for (const [i, write] of effects.entries()) {
    const reason = reasons[units.length + i];
    if (reason?.Code === undefined || reason.Code === 'None') continue;
    if (passing.has(reason.Code)) {
      conflict = true;
      continue;
    }
    const owners = units.filter((unit) => unit.writes.some(({ address }) => address.id === write.address.id));
    const [owner] = owners;
    if (owners.length > 1) shared = true;
    else if (owner !== undefined && !findings.has(owner) && !unsure.has(owner))
      findings.set(owner, { kind: 'failed', error: failure(write, reason, cause) });
  }
  if (findings.size === 0 && shared) return { kind: 'split' };
  return { kind: 'cancelled', findings, conflict };
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
