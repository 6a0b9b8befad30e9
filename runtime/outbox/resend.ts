import { QueryCommand, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { streamQuery } from '../dynamodb/conditions.js';
import { projection } from '../dynamodb/projection.js';
import { send } from '../dynamodb/send.js';
import { versionIn } from './event-row.js';
import type { OutboxAccess } from './outbox-access.js';
import { isKnownSent, markAttributes, markOf } from './positions.js';
import { streamName } from './row.js';
import { everyOther, listStuck, type StuckStream } from './stuck-streams.js';

/** What an outbox still has of one stream, and from where on it would be sent again. */
export interface KeptStream {
  readonly stream: string;
  /** The oldest version that is in the table and can be sent. */
  readonly oldest: bigint;
  /** Nothing before the oldest one was ever published, or none of it was ever in this table. */
  readonly whole: boolean;
  readonly newest: bigint;
  /** The first version that is not known to be sent to everybody; behind the newest when all are. */
  readonly unsent: bigint;
  /** The first version that was committed or sent since then; undefined: none was. */
  readonly from?: bigint;
  /** When that one was committed, epoch milliseconds. */
  readonly at: number;
}

/** Which events are meant. */
export interface Since {
  /** Epoch milliseconds. 0: all that are kept. */
  readonly since: number;
  /**
   * How long a sent event is kept, in seconds. When an event was sent follows from it, so that one that was committed
   * before and sent after the moment is found, too. @default - only commits are looked at
   */
  readonly retentionSeconds?: number;
}

/**
 * Goes through an outbox and tells of each stream what is kept, in no order. Reads keys and marks; the events
 * themselves are read, and paid, but not transferred. Memory stays flat.
 *
 * @param only this stream. @default - all
 * @throws DependencyFailed when the table could not be read
 */
export async function* keptStreams(
  access: OutboxAccess,
  since: Since,
  only?: string,
): AsyncGenerator<KeptStream> {
  let open: Keeping | undefined;
  for await (const item of marksOf(access, only)) {
    const stream = item.stream?.S ?? '';
    const version = versionIn(item.version);
    if (version === undefined || item.fence !== undefined || streamName(stream) === undefined) continue;
    if (open?.stream !== stream) {
      if (open !== undefined) yield open.result();
      open = new Keeping(stream, since);
    }
    open.pass(version, item);
  }
  if (open !== undefined) yield open.result();
}

type Item = Record<string, AttributeValue>;

/** Rows of one stream come together, in the order of their versions. */
async function* marksOf({ client, table, limits }: OutboxAccess, only?: string): AsyncGenerator<Item> {
  const marks = projection([...markAttributes, 'at', 'fence']);
  const query = only === undefined ? undefined : streamQuery(only);
  let ExclusiveStartKey: Item | undefined;
  do {
    const page = { TableName: table, ExclusiveStartKey, ...marks };
    const names = { ...marks.ExpressionAttributeNames, ...query?.ExpressionAttributeNames };
    const { Items = [], LastEvaluatedKey } =
      query === undefined
        ? await send(client, new ScanCommand(page), limits, 'read')
        : await send(
            client,
            new QueryCommand({ ...page, ...query, ExpressionAttributeNames: names }),
            limits,
            'read',
          );
    yield* Items;
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
}

/** The rows of one stream, as they come in the order of their versions. */
class Keeping {
  #oldest: bigint | undefined;
  #whole = false;
  #newest = 0n;
  #sent = 0n;
  #from: { readonly version: bigint; readonly at: number } | undefined;
  #previous: { readonly version: bigint; readonly expires?: number } | undefined;
  /** Where the rows begin that have no mark and come before this one. */
  #unmarked: { readonly version: bigint; readonly at: number } | undefined;
  readonly #since: Since;

  constructor(
    readonly stream: string,
    since: Since,
  ) {
    this.#since = since;
  }

  pass(version: bigint, item: Record<string, AttributeValue>): void {
    const mark = markOf(item);
    const at = Number(item.at?.N ?? 0);
    const before = this.#previous?.version === version - 1n ? this.#previous : undefined;
    const previous = before && { first: false, sent: false, expires: before.expires !== undefined };
    const sent = isKnownSent(mark, previous);
    if (sent) this.#sent = version;
    // What the first release wrote no relay of now sends: to begin with it would hold up what is behind it.
    const sendable = item.v?.N !== '1';
    if (sendable && this.#oldest === undefined) {
      this.#oldest = version;
      this.#whole = mark.first;
    }
    const place = { version, at };
    const markedAt = mark.first ? Number(item.sent?.N ?? 0) : this.#markedBy(before?.expires);
    // One whose mark was lost was sent before the next one, and nobody knows when.
    if (sendable && this.#from === undefined && Math.max(at, this.#endOf(markedAt)) >= this.#since.since)
      this.#from = this.#unmarked ?? place;
    this.#unmarked = sent || !sendable ? undefined : (this.#unmarked ?? place);
    this.#newest = version;
    this.#previous = {
      version,
      ...(item.expiration?.N !== undefined && { expires: Number(item.expiration.N) }),
    };
  }

  /** The mark that a row was sent is on the row before, which expires a retention later. Seconds. */
  #markedBy(expires: number | undefined): number {
    return expires === undefined ? 0 : expires - (this.#since.retentionSeconds ?? 0);
  }

  /** Epoch milliseconds of the last moment that a mark may mean; 0: when it was sent is not known. */
  #endOf(seconds: number): number {
    return this.#since.retentionSeconds === undefined ? 0 : seconds * 1000 + 999;
  }

  result(): KeptStream {
    return {
      stream: this.stream,
      oldest: this.#oldest ?? 1n,
      whole: this.#whole,
      newest: this.#newest,
      unsent: this.#sent + 1n,
      from: this.#from?.version,
      at: this.#from?.at ?? 0,
    };
  }
}

/** What is to be sent again. */
export interface Resend {
  readonly kept: KeptStream;
  /** The first version. */
  readonly from: bigint;
  /** Name of the one target that is to get it. @default - every target */
  readonly target?: string;
  /** Why, for whoever reads the list of stuck streams. */
  readonly reason: string;
  /** Another one for each resend: queues that remember the last send take the events for others. */
  readonly salt: string;
}

/**
 * Has events of a stream sent again, in order, from a version up to the newest: the stream is listed as if it were
 * stuck there, and the sweep does the rest. Consumers recognise what they have acted on. A stream that is listed
 * already begins at the earlier one of both versions.
 *
 * @throws DependencyFailed when it is not known to be listed
 */
export async function resend(
  access: OutboxAccess,
  { kept, from, target, reason, salt }: Resend,
): Promise<StuckStream | undefined> {
  const { stream, at, unsent } = kept;
  const next = new Map([[target ?? everyOther, from]]);
  // The others go on where they are: the list says it, or else the marks.
  return listStuck(access, { stream, at, next, others: unsent, reason, salt });
}
