import type { Attributes } from './attribute-value.js';
import type { Seen } from './conditions.js';
import { isSameValue } from '../dedup/same-value.js';
import { nativeValue } from './native-value.js';
import { attributeOf } from './table.js';

/** Whether a row is not as it was read. As values, because a set has no order. */
export function hasChanged(seen: Seen | undefined, item: Readonly<Attributes> | undefined): boolean {
  return Object.entries(seen ?? {}).some(
    ([name, value]) => !isSameValue(nativeValue(value), nativeValue(attributeOf(item, name))),
  );
}
