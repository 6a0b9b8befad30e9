import { randomUUID } from 'node:crypto';
import {
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { crashPoint } from '../dedup/crash-points.js';
import type { Action, AttemptResult } from './attempt-result.js';
import type { Limits } from '../dedup/limits.js';
import type { Pack, Unit } from './pack.js';
import { noOlderReceipt, receiptWrite, stamp } from './receipt.js';
import { send } from './send.js';
import { actionOf, type Write } from './write.js';

/**
 * Sends the units of one pack as one TransactWriteItems: every receipt and every effect, or nothing.
 *
 * @param commits tokens of all attempts of this commit, this one's is added: a receipt that carries one of them is
 *   our own write
 * whose answer was lost. The token is also the ClientRequestToken, so that the SDK's own second try is the same
 * request to
 *   DynamoDB for 10 minutes.
 * @throws what `send` throws when the outcome is not known or the call was refused as a whole.
 */
export async function attempt(
  client: DynamoDBClient,
  receipts: { readonly tableName: string; readonly expiration: number },
  { units, effects }: Pack,
  commits: Set<string>,
  limits: Limits,
): Promise<AttemptResult> {
  const commit = randomUUID();
  commits.add(commit);
  const publications = units.flatMap((unit) => (unit.publications ?? []).map((one) => ({ unit, one })));
  const events = publications.map(({ one }) => one);
  const numbering = await events[0]?.number(events, { client, ...limits });
  const actions: Action[] = [];
  const proves = (unit: Unit, write: Write) =>
    actions.push({ role: 'receipt', write, owners: [{ unit, own: write }] });
  for (const unit of units) {
    const { receipt } = unit;
    if (receipt.at === undefined)
      proves(unit, receiptWrite(receipts.tableName, receipt, commit, receipts.expiration));
    else if (receipt.migrating === true) proves(unit, noOlderReceipt(receipts.tableName, receipt));
  }
  for (const [id, { write, owners }] of effects) {
    const receipt = owners[0]?.unit.receipt;
    if (receipt?.at?.id === id && write.kind === 'put')
      actions.push({
        role: 'receipt',
        write: { ...write, item: { ...write.item, ...stamp(receipt, commit) } },
        owners,
      });
    else actions.push({ role: 'effect', write, owners });
  }
  for (const [i, { unit }] of publications.entries()) {
    const row = numbering?.rows[i];
    if (row !== undefined) actions.push({ role: 'event', write: row, owners: [{ unit, own: row }] });
  }
  await crashPoint('before-commit');
  try {
    await send(
      client,
      new TransactWriteItemsCommand({
        TransactItems: actions.map(({ write }) => actionOf(write)),
        ClientRequestToken: commit,
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'write',
    );
  } catch (error) {
    if (error instanceof TransactionCanceledException) {
      const { readReasons } = await import('./again.js');
      return readReasons(actions, numbering, commits, error);
    }
    numbering?.doubt();
    throw error;
  }
  numbering?.committed();
  await crashPoint('after-commit');
  return { kind: 'committed' };
}
