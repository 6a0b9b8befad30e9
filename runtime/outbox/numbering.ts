import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { allOf, versionIs } from '../dynamodb/conditions.js';
import { CommitFailed, InvalidWrite } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Numbering, Publication } from '../dynamodb/publication.js';
import { itemReader } from '../dynamodb/read-item.js';
import type { ItemAddress } from '../dynamodb/table.js';
import { WarmItems } from '../dynamodb/warm-items.js';
import type { Write } from '../dynamodb/write.js';

/** The attribute of an aggregate's item that counts its events. */
export const versionAttribute = 'version';

/** What the item had: undefined, no version yet. */
interface Known {
  readonly version: bigint | undefined;
}

/** Bytes of versions kept in memory, per client. Each takes its address and about as much again. */
const warmBytes = 1024 * 1024;
const memories = new WeakMap<DynamoDBClient, WarmItems<Known>>();

/**
 * The write that raises an aggregate's version: the transaction's own one on that item, or a new one. @throws
 * InvalidWrite
 */
export function raising(aggregate: ItemAddress, write: Write | undefined): Write {
  const untouched = { add: {}, set: {}, remove: [] };
  if (write === undefined) return { kind: 'update', address: aggregate, ...untouched };
  if (write.kind !== 'put' && write.kind !== 'update') {
    if (write.kind === 'check') return { ...write, kind: 'update', ...untouched };
    throw new InvalidWrite(
      aggregate.tableName,
      `aggregate ${aggregate.id} publishes an event and is deleted; empty it instead, its \`${versionAttribute}\` must live on`,
    );
  }
  const written =
    write.kind === 'put'
      ? Object.keys(write.item)
      : [...Object.keys(write.add), ...Object.keys(write.set), ...write.remove];
  if (written.includes(versionAttribute))
    throw new InvalidWrite(
      aggregate.tableName,
      `\`${versionAttribute}\` of aggregate ${aggregate.id} counts its events; leave it to the outbox`,
    );
  return write;
}

/**
 * Numbers the events of one attempt. The version to go on from is the one that the handler has read, else the one
 * that this instance wrote last, else it is read, eventually consistent: a wrong one costs a refused attempt, which
 * brings the right one.
 *
 * @throws CommitFailed when an aggregate's version is no whole number; whatever the SDK throws.
 */
export async function number(
  publications: readonly Publication[],
  effects: ReadonlyMap<string, Write>,
  { client, ...limits }: Limits & { readonly client: DynamoDBClient },
): Promise<Numbering> {
  const memory = memories.get(client) ?? new WarmItems<Known>(warmBytes);
  memories.set(client, memory);
  const remember = (id: string, version: bigint | undefined) =>
    memory.set(id, { version }, 2 * id.length + 64);
  const read = itemReader(client, limits, false);

  const aggregates = new Map(publications.map(({ aggregate }) => [aggregate.id, aggregate]));
  const assumed = new Map(
    await Promise.all(
      [...aggregates].map(async ([id, aggregate]): Promise<[string, Known]> => {
        const seen = effects.get(id)?.seen;
        if (seen !== undefined && versionAttribute in seen) return [id, { version: versionOf(id, seen) }];
        return [id, memory.get(id) ?? { version: versionOf(id, await read(aggregate, [versionAttribute])) }];
      }),
    ),
  );
  const versions = new Map([...assumed].map(([id, { version = 0n }]) => [id, version]));
  const at = Date.now();
  const rows = publications.map((publication) => {
    const { id } = publication.aggregate;
    const version = (versions.get(id) ?? 0n) + 1n;
    versions.set(id, version);
    return publication.row(version, at);
  });
  const raised = new Map(effects);
  for (const [id, version] of versions) {
    const write = effects.get(id);
    if (write !== undefined) raised.set(id, withVersion(write, assumed.get(id)?.version, version));
  }
  return {
    effects: raised,
    rows,
    ended(outcome) {
      for (const [id, version] of versions)
        if (outcome === 'committed') remember(id, version);
        else memory.delete(id);
    },
    overtaken(id, item) {
      const known = assumed.get(id);
      if (known === undefined) return false;
      const version = versionOf(id, item);
      remember(id, version);
      return version !== known.version;
    },
  };
}

function withVersion(write: Write, from: bigint | undefined, to: bigint): Write {
  const version = { [versionAttribute]: { N: String(to) } };
  const condition = allOf([write.condition, versionIs(from)]);
  if (write.kind === 'put') return { ...write, condition, item: { ...write.item, ...version } };
  if (write.kind === 'update') return { ...write, condition, set: { ...write.set, ...version } };
  return write;
}

function versionOf(
  id: string,
  item: Readonly<Record<string, AttributeValue | undefined>> | undefined,
): bigint | undefined {
  const value = item?.[versionAttribute];
  if (value === undefined) return undefined;
  if (value.N === undefined || !/^\d+$/.test(value.N))
    throw new CommitFailed(
      `\`${versionAttribute}\` of aggregate ${id} must be a whole number that only the outbox counts, got ${JSON.stringify(value)}`,
    );
  return BigInt(value.N);
}
