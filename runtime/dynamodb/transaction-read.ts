import type { Seen } from './conditions.js';
import { deepFreeze } from '../dedup/deep-freeze.js';
import { InvalidWrite } from '../dedup/errors.js';
import { hasChanged } from './has-changed.js';
import { native } from './native-value.js';
import type { ItemReader } from './read-item.js';
import { attributeOf, type ItemAddress, type Table } from './table.js';
import type { Read } from './read.js';
import { assertExpressible } from './write.js';

/**
 * See `Transaction.get`.
 *
 * @param before what was returned of the item earlier, asked for after the read: reads may run side by side
 */
export async function readOf<Attribute extends string>(
  table: Table,
  address: ItemAddress,
  attributes: readonly Attribute[],
  read: ItemReader,
  before: () => Seen | undefined,
): Promise<{ seen: Seen; row: Readonly<Partial<Record<Attribute, unknown>>> | undefined }> {
  if (attributes.includes('__proto__' as Attribute))
    throw new InvalidWrite(table.name, "the AWS SDK cannot read an attribute called '__proto__'; rename it");
  const item = await read(address, attributes);
  // The key too, so that an item without any of the attributes is told from none, which has no other. And what was
  // returned first is what counts: if it has changed since, the commit finds out.
  const names = [...Object.keys(address.key), ...(item === undefined ? [] : attributes)];
  const now = Object.fromEntries(names.map((name) => [name, attributeOf(item, name)]));
  const seen = { ...now, ...before() };
  assertExpressible({ kind: 'check', address, seen });
  return { seen, row: item && (deepFreeze(native(item)) as Readonly<Partial<Record<Attribute, unknown>>>) };
}

/**
 * Whether everything that was read is still as it was returned. @throws DependencyFailed when that cannot be read.
 */
export async function stillStand(reads: readonly Read[], read: ItemReader): Promise<boolean> {
  const changed = await Promise.all(
    reads.map(async ({ address, seen }) => hasChanged(seen, await read(address, Object.keys(seen)))),
  );
  return !changed.includes(true);
}
