import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Attributes } from './attribute-value.js';
import { InProgressElsewhere, KeyReused, NewerRow } from '../dedup/errors.js';
import type { Outcome } from '../dedup/outcome.js';
import { nativeValue } from './native-value.js';
import { rowAttributes, rowVersion, type ReceiptDraft } from './receipt.js';
import { attributeOf } from './table.js';

/**
 * What a stored row says of a message. Only a completed receipt acknowledges, and it does so for as long as the row
 * exists, whatever its `expiration` says; "in progress" never does (R7). `processed`: the row is our own, and its
 * answer was lost.
 *
 * @param commits tokens of our own attempts. One in the row proves nothing about a message with another payload
 *   (R49).
 */
export function judge(row: Attributes, draft: ReceiptDraft, commits: ReadonlySet<string>): Outcome {
  const { id } = draft;
  if (Number(row.v?.N ?? 0) > rowVersion)
    return { kind: 'retry', error: new NewerRow(id, row.v?.N ?? '', rowVersion) };
  if (row.status?.S !== 'COMPLETED')
    return { kind: 'retry', error: new InProgressElsewhere(id, row.status?.S ?? 'none') };
  // A row of Powertools has no fingerprint of ours to hold against the message.
  const fingerprint = row.fingerprint?.S ?? draft.fingerprint;
  return compare(id, { token: row.commit?.S, fingerprint, result: row.data }, draft, commits);
}

/** The same of a row that is its own receipt. One that no consumer made is not this message's effect. */
export function judgeRow(
  row: Attributes,
  draft: Pick<ReceiptDraft, 'fingerprint'>,
  commits: ReadonlySet<string>,
  id: string,
): Outcome {
  const { token, fingerprint, result } = rowAttributes;
  const text = (name: string) => attributeOf(row, name)?.S;
  const found = {
    token: text(token),
    fingerprint: text(fingerprint) ?? 'none',
    result: attributeOf(row, result),
  };
  return compare(id, found, draft, commits);
}

function compare(
  id: string,
  found: {
    readonly token: string | undefined;
    readonly fingerprint: string;
    readonly result: AttributeValue | undefined;
  },
  { fingerprint }: Pick<ReceiptDraft, 'fingerprint'>,
  commits: ReadonlySet<string>,
): Outcome {
  if (found.fingerprint !== fingerprint)
    return { kind: 'rejected', error: new KeyReused(id, found.fingerprint, fingerprint) };
  if (found.token !== undefined && commits.has(found.token)) return { kind: 'processed' };
  return { kind: 'duplicate', result: nativeValue(found.result) };
}
