import type { DynamoDBStreamsClient, Shard as DescribedShard } from '@aws-sdk/client-dynamodb-streams';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { invoke, type InvocationResult } from '../invoke.js';
import type { Invocation, InvocationHooks } from '../poller.js';
import type { Destination } from './destination.js';
import { Lane, type LaneOutcome } from './lane.js';
import type { StreamMapping } from './mapping.js';
import { realisticShardId } from './shard-id.js';
import { toStreamRecord, type StreamRecord } from './record.js';
import { ShardReader } from './shard-reader.js';
import { shardsOf } from './shards-of.js';

interface Shard {
  readonly reader: ShardReader;
  readonly parentId: string | undefined;
  readonly lanes: readonly Lane[];
}

export interface StreamPollerOptions {
  readonly streams: DynamoDBStreamsClient;
  readonly lambda: LambdaClient;
  readonly destination: Destination;
  readonly hooks: InvocationHooks;
  readonly now: () => number;
}

const idlePauseMs = 100;
/** How often it is looked for shards that have come into being. */
const discoverEveryMs = 1000;
/** Records read ahead of a lane that is behind. */
const readAhead = 2000;

/** Reads one mapping's stream and invokes its function, until it is stopped. */
export class StreamPoller {
  readonly #shards = new Map<string, Shard>();
  #discovered = 0;
  readonly #work: Promise<void>[] = [];
  /** What to call when the invocation with these records has ended. */
  readonly #ends = new Map<readonly StreamRecord[], ((ended: Invocation) => void) | undefined>();
  /** Ends the run with an error. Undefined: it has not begun. */
  #fail: ((error: unknown) => void) | undefined;
  #stopping = false;
  #running = 0;
  #quietFrom = Date.now();
  /** How many have been started. */
  invocations = 0;

  readonly #mapping: StreamMapping;
  readonly #options: StreamPollerOptions;

  private constructor(mapping: StreamMapping, options: StreamPollerOptions) {
    this.#mapping = mapping;
    this.#options = options;
  }

  /** Takes its place in every shard, now: LATEST means from here on. Later shards are read from their beginning. */
  static async open(mapping: StreamMapping, options: StreamPollerOptions): Promise<StreamPoller> {
    const poller = new StreamPoller(mapping, options);
    await poller.#discover(mapping.startingPosition);
    return poller;
  }

  /** Milliseconds since a record was last read or an invocation ended. 0 while records wait. */
  get quietMs(): number {
    const busy = this.#running > 0 || [...this.#shards.values()].some(isBusy);
    return busy ? 0 : Date.now() - this.#quietFrom;
  }

  /** Whether nothing is in the stream that has not been read. */
  async empty(): Promise<boolean> {
    await this.#discover('TRIM_HORIZON');
    for (const { reader } of this.#shards.values()) if (!(await reader.empty())) return false;
    return this.quietMs > 0;
  }

  /**
   * Resolves after `stop`, when what is in flight has ended. Rejects when the target does not answer, or a hook
   * threw.
   */
  async run(): Promise<void> {
    const failed = new Promise<never>((_, reject) => (this.#fail = reject));
    failed.catch(() => undefined);
    for (const shard of this.#shards.values()) this.#play(shard);
    try {
      await Promise.race([failed, this.#watch()]);
    } finally {
      this.stop();
      await Promise.allSettled(this.#work);
    }
    await Promise.race([failed, Promise.all(this.#work)]);
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Until it is stopped: looks for shards that have come into being. */
  async #watch(): Promise<void> {
    while (!this.#stopping) {
      await sleep(idlePauseMs);
      if (Date.now() - this.#discovered >= discoverEveryMs) await this.#discover('TRIM_HORIZON');
    }
  }

  async #discover(start: 'TRIM_HORIZON' | 'LATEST'): Promise<void> {
    this.#discovered = Date.now();
    const { streams } = this.#options;
    const found = await shardsOf(streams, this.#mapping.streamArn);
    const fresh = found.filter(({ ShardId = '' }) => !this.#shards.has(ShardId));
    await Promise.all(fresh.map((one) => this.#open(one, start)));
  }

  async #open(
    { ShardId: id = '', ParentShardId: parentId }: DescribedShard,
    start: 'TRIM_HORIZON' | 'LATEST',
  ) {
    const reader = await ShardReader.open(
      this.#options.streams,
      { StreamArn: this.#mapping.streamArn, ShardId: id },
      start,
    );
    // Two looks may have found it side by side.
    if (this.#shards.has(id)) return;
    const lanes = Array.from({ length: this.#mapping.parallelizationFactor }, () => this.#lane(id));
    const shard = { reader, parentId, lanes };
    this.#shards.set(id, shard);
    if (this.#fail !== undefined) this.#play(shard);
  }

  #play(shard: Shard): void {
    for (const work of [this.#read(shard), ...shard.lanes.map((lane) => lane.run())]) {
      work.catch((error: unknown) => this.#fail?.(error));
      this.#work.push(work);
    }
  }

  /**
   * The children of a split or closed shard wait until their parent is processed.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
   */
  #waitsForParent({ parentId }: Shard): boolean {
    const parent = this.#shards.get(parentId ?? '');
    return parent !== undefined && (!parent.reader.ended || isBusy(parent));
  }

  async #read(shard: Shard): Promise<void> {
    const { reader, lanes } = shard;
    while (!this.#stopping && !reader.ended) {
      if (this.#waitsForParent(shard) || lanes.some((lane) => lane.length > readAhead)) {
        await sleep(idlePauseMs);
        continue;
      }
      const count = await reader.read((records) => {
        for (const read of records) {
          this.#quietFrom = Date.now();
          const record = toStreamRecord(read, this.#mapping.streamArn);
          if (this.#mapping.filter(JSON.stringify(record))) laneOf(lanes, record)?.add(record);
        }
      });
      if (count === 0) await sleep(idlePauseMs);
    }
  }

  #lane(shardId: string): Lane {
    const { destination, now } = this.#options;
    return new Lane(this.#mapping, {
      invoke: (records) => this.#invoke(records),
      discard: (discarded) =>
        destination.send(this.#mapping, { ...discarded, shardId: realisticShardId(shardId) }),
      ended: (...ended) => this.#ended(...ended),
      now,
      stopping: () => this.#stopping,
    });
  }

  async #invoke(records: readonly StreamRecord[]): Promise<InvocationResult> {
    const { functionName, functionArn } = this.#mapping;
    this.invocations += 1;
    this.#running += 1;
    try {
      this.#ends.set(records, this.#options.hooks.onStreamStart?.({ functionName, records }));
      // Throttled, it is tried again by the lane, for as long as the records live.
      return await invoke(this.#options.lambda, functionArn, { Records: records }, 0);
    } finally {
      this.#running -= 1;
      this.#quietFrom = Date.now();
    }
  }

  #ended(
    records: readonly StreamRecord[],
    result: InvocationResult,
    { failed, error }: LaneOutcome,
    durationMs: number,
  ): void {
    const invocation: Invocation = {
      functionName: this.#mapping.functionName,
      sourceArn: this.#mapping.streamArn,
      records: records.length,
      durationMs,
      outcome: failed === 0 ? 'ok' : failed < records.length ? 'partial' : 'error',
      failed,
      ...(error !== undefined && { functionError: error }),
      logTail: result.logTail,
    };
    this.#ends.get(records)?.(invocation);
    this.#ends.delete(records);
    this.#options.hooks.onInvocation?.(invocation);
  }
}

function isBusy({ lanes }: Shard): boolean {
  return lanes.some((lane) => lane.busy);
}

/** Every record of one item goes the same way, so that its order holds. */
function laneOf(lanes: readonly Lane[], { dynamodb }: StreamRecord): Lane | undefined {
  if (lanes.length === 1) return lanes[0];
  const hash = createHash('sha256').update(JSON.stringify(dynamodb.Keys)).digest().readUInt32BE();
  return lanes[hash % lanes.length];
}
