import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import type { LeaseRow } from '../dedup/lease-store.js';
import { valueOfText } from '../dedup/value-text.js';
import { rowVersion } from './receipt.js';
import { native } from './native-value.js';

/** Lambda's longest run: an owner that is known by its end only began at most this long before. */
const longestRunMs = 15 * 60_000;

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readLease(item: Record<string, AttributeValue>): LeaseRow {
  const id = item.id?.S ?? '';
  if (Number(item.v?.N ?? 0) > rowVersion) throw new NewerRow(id, item.v?.N ?? '', rowVersion);
  const endsAt = Number(item.in_progress_expiration?.N ?? 0);
  const expiration = Number(item.expiration?.N ?? 0);
  return {
    id,
    status: item.status?.S ?? '',
    fence: item.fence?.S,
    endsAt,
    firstCallAt: Number(item.firstCallAt?.N ?? endsAt - longestRunMs),
    expiration,
    args: item.args?.S,
    validation: item.validation?.S,
    result: resultOf(item),
    lost: item.lost?.S,
    reason: item.reason?.S,
    blocked: item.attention !== undefined,
  };
}

/** As text, with which any value comes back as it was. Powertools and the first release wrote attributes. */
function resultOf({ result, data }: Record<string, AttributeValue>): unknown {
  if (result?.S !== undefined) return valueOfText(result.S);
  return data === undefined ? undefined : native({ data }).data;
}

/**
 * What blocked effects of a consumer are listed under in the index `attention`. The `!` keeps them apart from its
 * stopped groups.
 */
export function effectsOf(consumerName: string): string {
  return `${consumerName}!effects`;
}
