/** A change event as Debezium 3.7 writes it, with JsonConverter and without schemas. */
export interface Told {
  readonly op?: 'c' | 'u' | 'r' | 'd' | 't' | 'm';
  readonly key?: unknown;
  readonly before?: object | null;
  readonly after?: object | null;
  /** LSN of the commit before its transaction. */
  readonly commit?: bigint | null;
  /** In its transaction. */
  readonly ordinal?: number;
  readonly lsn?: bigint;
  readonly version?: string;
  readonly transaction?: object | null;
  /** Number of its transaction. @default - another one for each commit before */
  readonly txId?: number;
}

export const systemId = '7310000000000000001';

export function changeEvent({
  op = 'c',
  key,
  before = null,
  after = null,
  commit = 100n,
  ordinal = 1,
  lsn = 90n,
  version = '3.7.0.Final',
  txId = Number(471n + (commit ?? 100n)),
  transaction = { id: `${txId}:90`, total_order: ordinal, data_collection_order: ordinal },
}: Told): { readonly key: string; readonly value: string } {
  const row = (op === 'd' ? before : after) as { readonly id?: unknown } | null;
  const source = {
    version,
    connector: 'postgresql',
    name: 'shop',
    ts_ms: 1_790_000_000_000,
    snapshot: op === 'r' ? 'true' : 'false',
    db: 'shop',
    sequence: JSON.stringify([commit === null ? null : String(commit), String(lsn)]),
    schema: 'public',
    table: 'payments',
    txId,
    lsn: Number(lsn),
    xmin: null,
  };
  return {
    key: JSON.stringify(key ?? { id: row?.id }),
    value: JSON.stringify({ before, after, source, op, ts_ms: 1_790_000_000_100, transaction }),
  };
}
