import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Publication } from './publication.js';
import type { ReceiptDraft } from './receipt.js';
import { maxActions } from './transaction.js';
import { summed, type Write } from './write.js';

/** One message, ready to be committed: its receipt and its writes. Units of one lane commit in order or not at all. */
export interface Unit {
  readonly receipt: ReceiptDraft;
  readonly writes: readonly Write[];
  /** Events for an outbox, in the order in which they were published. `writes` has a write of the aggregate of each. */
  readonly publications?: readonly Publication[];
  /** Messages of one lane (a FIFO group) keep their order: one that cannot commit holds back the later ones. */
  readonly lane: string;
}

/** DynamoDB: at most 4 MB in one TransactWriteItems. A tenth is left for the receipts and for what the estimate misses. */
export const maxBytes = 4 * 1024 * 1024 * 0.9;

/**
 * Units that go into one TransactWriteItems, in order. A unit joins while it shares no item with those before it but for
 * increments that can be summed, and while both limits of DynamoDB hold; else it opens the next pack (R10).
 *
 * @param most units in one pack: lowered after a conflict, so that contenders get through.
 */
export function pack(units: readonly Unit[], most: number): Unit[][] {
  const packs: Unit[][] = [];
  let writes = new Map<string, Write>();
  /** Receipts and outbox rows: actions that no two units share. */
  let own = 0;
  let bytes = 0;
  for (const unit of units) {
    const current = packs.at(-1);
    const joined = current !== undefined && current.length < most ? join(writes, unit.writes) : undefined;
    const size = bytesOf(unit);
    const rows = 1 + (unit.publications?.length ?? 0);
    const actions = own + rows + (joined?.size ?? 0);
    if (current === undefined || joined === undefined || actions > maxActions || bytes + size > maxBytes) {
      packs.push([unit]);
      writes = new Map(unit.writes.map((write) => [write.address.id, write]));
      own = rows;
      bytes = size;
    } else {
      current.push(unit);
      writes = joined;
      own += rows;
      bytes += size;
    }
  }
  return packs;
}

/** The writes of several units as one per item, or undefined when two of them cannot be one write. */
export function join(
  before: ReadonlyMap<string, Write>,
  writes: readonly Write[],
): Map<string, Write> | undefined {
  const joined = new Map(before);
  for (const write of writes) {
    const { id } = write.address;
    const present = joined.get(id);
    const both = present === undefined ? write : summed(present, write);
    if (both === undefined) return undefined;
    joined.set(id, both);
  }
  return joined;
}

export function bytesOf(unit: Unit): number {
  let bytes = unit.publications?.reduce((sum, publication) => sum + publication.bytes, 0) ?? 0;
  for (const write of unit.writes) {
    bytes += attributeBytes({ M: { ...write.address.key } });
    if (write.kind === 'put') bytes += attributeBytes({ M: { ...write.item } });
    if (write.kind === 'update')
      bytes += attributeBytes({ M: { ...write.set } }) + 64 * Object.keys(write.add).length;
  }
  return bytes;
}

/** DynamoDB's own way of counting, rounded up. */
function attributeBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return value.N.length;
  if (value.B !== undefined) return value.B.byteLength;
  if (value.L !== undefined) return value.L.reduce((sum, item) => sum + 1 + attributeBytes(item), 3);
  if (value.M !== undefined)
    return Object.entries(value.M).reduce(
      (sum, [name, item]) => sum + 1 + Buffer.byteLength(name) + attributeBytes(item),
      3,
    );
  const set = value.SS ?? value.NS ?? value.BS ?? [];
  return set.reduce(
    (sum, item) => sum + (typeof item === 'string' ? Buffer.byteLength(item) : item.byteLength),
    1,
  );
}
