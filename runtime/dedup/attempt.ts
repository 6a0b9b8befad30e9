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
import type { Numbering } from './publication.js';
import { judge, receiptWrite, type Verdict } from './receipt.js';
import { nativeRow } from './table.js';
import { actionOf, hasChanged, type Write } from './write.js';

/** What became of one unit of a cancelled attempt. A unit that is in no list was innocent and may be tried again. */
export type Finding =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'failed'; readonly error: ConditionFailed | CommitFailed }
  /** Something that its handler read has changed. */
  | { readonly kind: 'stale' };

export type AttemptResult =
  | { readonly kind: 'committed' }
  /** Nothing was written. */
  | { readonly kind: 'cancelled'; readonly findings: ReadonlyMap<Unit, Finding> }
  /** Nothing was written: another commit has published for one of the aggregates. The versions to go on from are known now. */
  | { readonly kind: 'overtaken' }
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
  const joined = effectsOf(units);
  const publications = units.flatMap((unit) => unit.publications ?? []);
  const numbering = await publications[0]?.number(publications, joined, { client, meter });
  const effects = [...(numbering?.effects ?? joined).values()];
  await crashPoint('before-commit');
  try {
    meter.call();
    const answer = await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [...proofs, ...effects, ...(numbering?.rows ?? [])].map(actionOf),
        ClientRequestToken: commit,
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.write(answer.ConsumedCapacity);
    numbering?.ended('committed');
    await crashPoint('after-commit');
    return { kind: 'committed' };
  } catch (error) {
    if (error instanceof TransactionCanceledException)
      return readReasons(units, effects, numbering, commits, error);
    numbering?.ended('unknown');
    throw error;
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
