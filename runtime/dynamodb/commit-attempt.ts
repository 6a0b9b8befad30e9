import { randomUUID } from 'node:crypto';
import {
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { readReasons } from './cancelled.js';
import { crashPoint } from '../dedup/crash-points.js';
import { CommitFailed, type ConditionFailed } from '../dedup/errors.js';
import type { Meter } from '../dedup/meter.js';
import { join, type Unit } from './pack.js';
import { receiptWrite, type Verdict } from './receipt.js';
import { actionOf, type Write } from './write.js';

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
