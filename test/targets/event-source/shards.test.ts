import {
  DescribeStreamCommand,
  ExpiredIteratorException,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Destination } from '../../../targets/event-source/streams/destination.js';
import type { StreamMapping } from '../../../targets/event-source/streams/mapping.js';
import { StreamPoller } from '../../../targets/event-source/streams/poller.js';

/**
 * No local engine ever has a second shard, so the stream is one of several shards in this process, as AWS documents
 * it: closed shards with children, iterators that expire, records that are trimmed.
 */
class SeveralShards {
  readonly #shards: { id: string; parent: string | undefined; closed: boolean; records: string[] }[] = [];
  /** The first iterator on each place has expired when it is used. */
  expires = false;
  /** Records of all shards that are gone. */
  trimmed = 0;
  readonly #refused = new Set<string>();
  #given = 0;

  add(id: string, parent?: string): void {
    this.#shards.push({ id, parent, closed: false, records: [] });
  }

  put(id: string, ...items: string[]): void {
    this.#shard(id).records.push(...items);
  }

  close(id: string): void {
    this.#shard(id).closed = true;
  }

  get client(): DynamoDBStreamsClient {
    const send = (command: unknown) => Promise.resolve().then(() => this.#answer(command));
    return { send } as unknown as DynamoDBStreamsClient;
  }

  #answer(command: unknown): unknown {
    if (command instanceof DescribeStreamCommand) {
      // One at a time, to show that all pages are read.
      const after = this.#shards.findIndex(({ id }) => id === command.input.ExclusiveStartShardId) + 1;
      const shard = this.#shards[after];
      const last = after >= this.#shards.length - 1;
      return {
        StreamDescription: {
          Shards: shard ? [{ ShardId: shard.id, ParentShardId: shard.parent }] : [],
          LastEvaluatedShardId: last ? undefined : shard?.id,
        },
      };
    }
    if (command instanceof GetShardIteratorCommand) {
      const { ShardId = '', ShardIteratorType, SequenceNumber } = command.input;
      const { records } = this.#shard(ShardId);
      const at =
        ShardIteratorType === 'AFTER_SEQUENCE_NUMBER'
          ? Number(SequenceNumber) + 1
          : ShardIteratorType === 'LATEST'
            ? records.length
            : this.trimmed;
      return { ShardIterator: this.#iterator(ShardId, at) };
    }
    if (command instanceof GetRecordsCommand) {
      const { ShardIterator = '', Limit = 2 } = command.input;
      const [id = '', from = ''] = ShardIterator.split('|');
      const at = Number(from);
      const place = `${id}|${from}`;
      if (this.expires && !this.#refused.has(place)) {
        this.#refused.add(place);
        throw new ExpiredIteratorException({ message: 'expired', $metadata: {} });
      }
      if (at < this.trimmed) throw new TrimmedDataAccessException({ message: 'trimmed', $metadata: {} });
      const { records, closed } = this.#shard(id);
      const read = records.slice(at, at + Limit);
      const next = at + read.length;
      return {
        Records: read.map((n, i) => ({
          eventName: 'INSERT',
          dynamodb: { Keys: { n: { S: n } }, SequenceNumber: String(at + i) },
        })),
        NextShardIterator: closed && next === records.length ? undefined : this.#iterator(id, next),
      };
    }
    throw new Error('not played');
  }

  #iterator(id: string, at: number): string {
    return `${id}|${at}|${(this.#given += 1)}`;
  }

  #shard(id: string) {
    const shard = this.#shards.find((one) => one.id === id);
    if (shard === undefined) throw new Error(`no shard ${id}`);
    return shard;
  }
}

const mapping: StreamMapping = {
  ...{
    uuid: 'u',
    functionName: 'f',
    functionArn: 'f',
    streamArn: 'arn:aws:dynamodb:us-east-1:1:table/t/stream/s',
  },
  ...{ startingPosition: 'TRIM_HORIZON', batchSize: 10, batchingWindowSeconds: 0, parallelizationFactor: 1 },
  ...{ reportsBatchItemFailures: true, bisectsOnError: false, maximumRetryAttempts: Infinity },
  ...{ maximumRecordAgeSeconds: Infinity, onFailure: undefined, filter: () => true },
};

/** What the function is given, item by item, and how it can be slowed down. */
async function play(shards: SeveralShards, slow: (n: string) => Promise<unknown> = () => Promise.resolve()) {
  const seen: string[] = [];
  const lambda = {
    async send({ input }: { input: { Payload: string } }) {
      const { Records } = JSON.parse(input.Payload) as {
        Records: { dynamodb: { Keys: { n: { S: string } } } }[];
      };
      for (const { dynamodb } of Records) {
        await slow(dynamodb.Keys.n.S);
        seen.push(dynamodb.Keys.n.S);
      }
      return {};
    },
  } as unknown as LambdaClient;
  const poller = await StreamPoller.open(mapping, {
    ...{
      streams: shards.client,
      lambda,
      destination: undefined as unknown as Destination,
      hooks: {},
      now: Date.now,
    },
  });
  const run = poller.run();
  return {
    seen,
    poller,
    async until(count: number) {
      while (seen.length < count)
        await Promise.race([sleep(10), run.then(() => Promise.reject(new Error('ended')))]);
    },
    async stop() {
      poller.stop();
      await run;
    },
  };
}

test('a shard that comes into being later is read from its beginning, and an empty stream is none before', async () => {
  const shards = new SeveralShards();
  shards.add('one');
  shards.put('one', 'a');
  const played = await play(shards);
  await played.until(1);
  shards.close('one');
  shards.add('two', 'one');
  shards.put('two', 'b', 'c');
  expect(await played.poller.empty()).toBe(false);
  await played.until(3);
  expect(played.seen).toEqual(['a', 'b', 'c']);
  await played.stop();
});

test('children wait until their parent has been processed', async () => {
  const shards = new SeveralShards();
  shards.add('parent');
  shards.put('parent', 'a', 'b', 'c');
  shards.close('parent');
  for (const child of ['left', 'right']) {
    shards.add(child, 'parent');
    shards.put(child, child);
  }
  const played = await play(shards, (n) => (n === 'a' ? sleep(300) : Promise.resolve()));
  await played.until(5);
  expect(played.seen.slice(0, 3)).toEqual(['a', 'b', 'c']);
  expect(played.seen.slice(3).sort()).toEqual(['left', 'right']);
  await played.stop();
});

test('an iterator that has expired is taken again where it was: nothing is lost, nothing comes twice', async () => {
  const shards = new SeveralShards();
  shards.add('one');
  shards.put('one', 'a', 'b', 'c', 'd', 'e');
  shards.expires = true;
  const played = await play(shards);
  await played.until(5);
  await sleep(50);
  expect(played.seen).toEqual(['a', 'b', 'c', 'd', 'e']);
  await played.stop();
});

test('an iterator on records that are gone is taken again at the oldest that there is', async () => {
  const shards = new SeveralShards();
  shards.add('one');
  const played = await play(shards);
  shards.put('one', 'gone', 'gone, too', 'a');
  shards.trimmed = 2;
  await played.until(1);
  expect(played.seen).toEqual(['a']);
  await played.stop();
});
