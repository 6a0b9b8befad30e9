import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type DynamoDBStreamsClient,
} from '@aws-sdk/client-dynamodb-streams';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { invoke, type InvocationResult } from '../invoke.js';
import type { Invocation, InvocationHooks } from '../poller.js';
import type { Destination } from './destination.js';
import { Lane, type LaneOutcome } from './lane.js';
import type { StreamMapping } from './mapping.js';
import { toStreamRecord, type StreamRecord } from './record.js';

interface Shard {
  readonly id: string;
  readonly lanes: readonly Lane[];
  /** Undefined: the shard is closed and read to its end. */
  iterator: string | undefined;
}

export interface StreamPollerOptions {
  readonly streams: DynamoDBStreamsClient;
  readonly lambda: LambdaClient;
  readonly destination: Destination;
  readonly hooks: InvocationHooks;
  readonly now: () => number;
}

const idlePauseMs = 100;
/** Records read ahead of a lane that is behind. */
const readAhead = 2000;

/** Reads one mapping's stream and invokes its function, until it is stopped. */
export class StreamPoller {
  #shards: readonly Shard[] = [];
  /** What to call when the invocation with these records has ended. */
  readonly #ends = new Map<readonly StreamRecord[], ((ended: Invocation) => void) | undefined>();
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

  /**
   * Takes its place in every shard, now: LATEST means from here on. Shards that come into being later are not read.
   */
  static async open(mapping: StreamMapping, options: StreamPollerOptions): Promise<StreamPoller> {
    const poller = new StreamPoller(mapping, options);
    const { StreamDescription } = await options.streams.send(
      new DescribeStreamCommand({ StreamArn: mapping.streamArn }),
    );
    poller.#shards = await Promise.all(
      (StreamDescription?.Shards ?? []).map(async ({ ShardId = '' }) => {
        const { ShardIterator } = await options.streams.send(
          new GetShardIteratorCommand({
            StreamArn: mapping.streamArn,
            ShardId,
            ShardIteratorType: mapping.startingPosition,
          }),
        );
        const lanes = Array.from({ length: mapping.parallelizationFactor }, () => poller.#lane(ShardId));
        return { id: ShardId, lanes, iterator: ShardIterator };
      }),
    );
    return poller;
  }

  /** Milliseconds since a record was last read or an invocation ended. 0 while records wait. */
  get quietMs(): number {
    const busy = this.#running > 0 || this.#shards.some(({ lanes }) => lanes.some((lane) => lane.busy));
    return busy ? 0 : Date.now() - this.#quietFrom;
  }

  /** Whether nothing is in the stream that has not been read. */
  async empty(): Promise<boolean> {
    for (const { iterator } of this.#shards) {
      if (iterator === undefined) continue;
      const { Records = [] } = await this.#options.streams.send(
        new GetRecordsCommand({ ShardIterator: iterator, Limit: 1 }),
      );
      if (Records.length > 0) return false;
    }
    return this.quietMs > 0;
  }

  /**
   * Resolves after `stop`, when what is in flight has ended. Rejects when the target does not answer, or a hook
   * threw.
   */
  async run(): Promise<void> {
    const work = this.#shards.flatMap((shard) => [
      this.#read(shard),
      ...shard.lanes.map((lane) => lane.run()),
    ]);
    try {
      await Promise.all(work);
    } finally {
      this.stop();
      await Promise.allSettled(work);
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  async #read(shard: Shard): Promise<void> {
    while (!this.#stopping && shard.iterator !== undefined) {
      if (shard.lanes.some((lane) => lane.length > readAhead)) {
        await sleep(idlePauseMs);
        continue;
      }
      const { Records = [], NextShardIterator } = await this.#options.streams.send(
        new GetRecordsCommand({ ShardIterator: shard.iterator }),
      );
      for (const read of Records) {
        this.#quietFrom = Date.now();
        const record = toStreamRecord(read, this.#mapping.streamArn);
        if (this.#mapping.filter(JSON.stringify(record))) laneOf(shard.lanes, record)?.add(record);
      }
      // After the records have their place: whoever asks whether the stream is empty asks from here.
      shard.iterator = NextShardIterator;
      if (Records.length === 0) await sleep(idlePauseMs);
    }
  }

  #lane(shardId: string): Lane {
    const { destination, now } = this.#options;
    return new Lane(this.#mapping, {
      invoke: (records) => this.#invoke(records),
      discard: (discarded) => destination.send(this.#mapping, { ...discarded, shardId }),
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
      return await invoke(this.#options.lambda, functionArn, records, 0);
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

/** Every record of one item goes the same way, so that its order holds. */
function laneOf(lanes: readonly Lane[], { dynamodb }: StreamRecord): Lane | undefined {
  if (lanes.length === 1) return lanes[0];
  const hash = createHash('sha256').update(JSON.stringify(dynamodb.Keys)).digest().readUInt32BE();
  return lanes[hash % lanes.length];
}
