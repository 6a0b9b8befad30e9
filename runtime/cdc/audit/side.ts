import { hashOf, rangeOf, Tallying, type AuditRow, type Tally } from './tally.js';

/** One side of an audit: what should be there, or what is. */
export interface AuditSide {
  /** For the report, such as `postgres payments`. */
  readonly name: string;
  /** Every row, once, in any order. Each call reads anew. */
  rows(): AsyncIterable<AuditRow>;
}

/** By partition and range. */
export type Tallies = ReadonlyMap<string, ReadonlyMap<number, Tally>>;

export async function talliesOf(side: AuditSide, ranges: number): Promise<Tallies> {
  const partitions = new Map<string, Map<number, Tallying>>();
  for await (const row of side.rows()) {
    const known = partitions.get(row.partition) ?? new Map<number, Tallying>();
    partitions.set(row.partition, known);
    const range = rangeOf(row.key, ranges);
    const tallying = known.get(range) ?? new Tallying();
    known.set(range, tallying);
    tallying.add(row, hashOf(row));
  }
  return new Map(
    [...partitions].map(([name, known]) => [
      name,
      new Map([...known].map(([range, tallying]) => [range, tallying.tally])),
    ]),
  );
}

/** The hashes of each row in ranges that differ: a doubled row has two. */
export type Hashes = ReadonlyMap<
  string,
  { readonly row: Pick<AuditRow, 'partition' | 'key'>; readonly hashes: bigint[] }
>;

export async function hashesOf(
  side: AuditSide,
  ranges: number,
  wanted: (partition: string, range: number) => boolean,
): Promise<Hashes> {
  const found = new Map<string, { row: Pick<AuditRow, 'partition' | 'key'>; hashes: bigint[] }>();
  for await (const row of side.rows()) {
    const { partition, key } = row;
    if (!wanted(partition, rangeOf(key, ranges))) continue;
    const id = JSON.stringify([partition, key]);
    const known = found.get(id);
    if (known === undefined) found.set(id, { row: { partition, key }, hashes: [hashOf(row)] });
    else known.hashes.push(hashOf(row));
  }
  return found;
}
