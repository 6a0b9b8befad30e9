import { ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { projection } from '../dynamodb/projection.js';
import { send } from '../dynamodb/send.js';
import type { OutboxAccess } from './outbox-access.js';
import { isKnownSent, markAttributes, markOf, type Place } from './positions.js';
import type { ScanPlace, ScanState } from './relay-state.js';
import { versionIn } from './event-row.js';
import { streamName } from './row.js';

/** Rows of one page. DynamoDB ends a page at 1 MB of what it reads, too. */
const rowsPerPage = 250;

/** What one page of the scan has found. */
export interface ScanPage {
  /** Versions of each stream that are not known to be sent, and may be sent by now, in order. */
  readonly found: ReadonlyMap<string, { readonly versions: readonly bigint[]; readonly at: number }>;
  /** Rows that were sent, without a mark: one behind them has it. */
  readonly unmarked: readonly (Place & { readonly first: boolean })[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: Pick<ScanState, 'cursor' | 'expires' | 'settled'> | undefined;
}

/**
 * Reads keys and marks of a page of the table, and finds the rows that are not known to be sent.
 *
 * @param youngest rows that were committed later are left to the table's stream, with all behind them; epoch
 *   milliseconds
 * @throws DependencyFailed when it could not be read
 */
export async function scanPage(
  { client, table, limits }: OutboxAccess,
  { cursor, expires = false, settled = false }: ScanState,
  youngest: number,
): Promise<ScanPage> {
  const command = new ScanCommand({
    TableName: table,
    Limit: rowsPerPage,
    ExclusiveStartKey: cursor && { stream: { S: cursor.stream }, version: { S: cursor.version } },
    ...projection([...markAttributes, 'at', 'fence']),
  });
  const { Items = [], LastEvaluatedKey } = await send(client, command, limits, 'read');
  const walk = new Walk(youngest, cursor, { expires, settled });
  for (const item of Items) walk.pass(item);
  const { stream, version } = LastEvaluatedKey ?? {};
  return {
    found: walk.found,
    unmarked: walk.unmarked,
    next:
      stream?.S === undefined || version?.S === undefined
        ? undefined
        : {
            cursor: { stream: stream.S, version: version.S },
            expires: walk.expiresAt({ stream: stream.S, version: version.S }),
            settled: walk.settledAt(stream.S),
          },
  };
}

/** Rows of a table as a scan gives them: those of one stream together, in the order of their versions. */
class Walk {
  readonly found = new Map<string, { versions: bigint[]; at: number }>();
  readonly unmarked: (Place & { first: boolean })[] = [];
  #firsts = new Set<string>();
  #stream: string | undefined;
  #previous: { readonly version: bigint | undefined; readonly expires: boolean };
  #settled: boolean;
  readonly #youngest: number;

  constructor(
    youngest: number,
    cursor: ScanPlace | undefined,
    { expires, settled }: { readonly expires: boolean; readonly settled: boolean },
  ) {
    this.#youngest = youngest;
    this.#stream = cursor?.stream;
    this.#previous = { version: cursor && versionIn({ S: cursor.version }), expires };
    this.#settled = settled;
  }

  expiresAt({ stream, version }: ScanPlace): boolean {
    return this.#stream === stream && this.#previous.version === BigInt(version) && this.#previous.expires;
  }

  settledAt(stream: string): boolean {
    return this.#stream === stream && this.#settled;
  }

  pass(item: Record<string, AttributeValue>): void {
    const stream = item.stream?.S ?? '';
    const version = versionIn(item.version);
    // The relay's own rows, and where an epoch ends.
    if (version === undefined || item.fence !== undefined || streamName(stream) === undefined) return;
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#previous = { version: undefined, expires: false };
      this.#settled = false;
    }
    const mark = markOf(item);
    const { version: before, expires } = this.#previous;
    const previous = before === version - 1n ? { first: false, sent: false, expires } : undefined;
    this.#previous = { version, expires: mark.expires };
    if (this.#settled) return;
    // The first release marked each row for itself, so that one may be unsent among others that are not.
    if (item.v?.N === '1') {
      if (mark.sent) return;
      this.#settled = true;
      this.found.set(stream, { versions: [version], at: Number(item.at?.N ?? 0) });
    } else if (isKnownSent(mark, previous)) this.#sentUpTo(stream);
    else if (Number(item.at?.N ?? 0) > this.#youngest) this.#settled = true;
    else this.#unsent({ stream, version }, mark.first, Number(item.at?.N ?? 0));
  }

  #unsent({ stream, version }: Place, first: boolean, at: number): void {
    const found = this.found.get(stream) ?? { versions: [], at };
    found.versions.push(version);
    this.found.set(stream, found);
    if (first) this.#firsts.add(stream);
  }

  /** What is before a row that is known to be sent is sent: its own mark was lost. */
  #sentUpTo(stream: string): void {
    const { versions = [] } = this.found.get(stream) ?? {};
    for (const [i, version] of versions.entries())
      this.unmarked.push({ stream, version, first: i === 0 && this.#firsts.has(stream) });
    this.found.delete(stream);
  }
}
