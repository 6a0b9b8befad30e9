import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { CachePersistenceLayer } from '@aws-lambda-powertools/idempotency/cache';
import type * as Dynamo from '@aws-lambda-powertools/idempotency/dynamodb';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { makeHandlerIdempotent } from '@aws-lambda-powertools/idempotency/middleware';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import type * as Errors from '../../runtime/dedup/errors.js';
import { EffectNotStarted, leases } from '../../runtime/lease/index.js';
import { LeasePersistenceLayer } from '../../runtime/lease/powertools-layer.js';
import { newTable } from '../fixtures/dynamo.js';
import { loadMiddy } from '../lease/middy.js';
import { claimMs, overMs, tally, twice, type Scenario, type Side } from './scenario.js';
import { forever, told, type Call, type Pay, type SideBySide } from './side-by-side.js';

/** What Powertools wraps, and what it keeps its records in. */
export const wrappers: readonly Scenario[] = [
  {
    what: 'a copy while the first is at work, records in a cache, the context not registered',
    reported: ['TS 5678', 'Python 8386'],
    theirs: overlapping((both) =>
      both.powertools({
        layer: new CachePersistenceLayer({ client: new Cache() }),
        remainingMs: 'not registered',
        mishaps: ['is slow'],
      }),
    ),
    ours: overlapping((both) =>
      both.powertools({ layer: lease(both), remainingMs: 'not registered', mishaps: ['is slow'] }),
    ),
    found: {
      theirs: { effects: 2, told: ['done', 'done'] },
      ours: { effects: 1, told: ['done', 'IdempotencyAlreadyInProgressError'] },
    },
  },
  {
    what: 'a durable function is suspended behind a step that acts, and replayed',
    reported: ['TS 4831', 'TS 4834', 'TS 4837'],
    theirs: async (both, pay) => {
      const call = durable(both);
      return [await call(pay, 'ExecutionMode'), await call(pay, 'ReplayMode')];
    },
    ours: twice((both) => both.api(['hangs after'])),
    found: {
      theirs: { effects: 1, told: ['no answer', 'done'] },
      ours: { effects: 1, told: ['no answer', 'done'] },
    },
  },
  {
    what: 'a handler whose context nobody registered dies before its effect',
    reported: ['TS 1635'],
    theirs: async (both, pay) => {
      const mishaps = [true];
      const handler = makeIdempotent(
        // It has a context, which nobody registers.
        async (event: Pay, ...rest: readonly Context[]) => {
          if (rest.length > 0 && mishaps.shift() === true) await forever();
          await both.act(event.name);
          return 'done';
        },
        { persistenceStore: both.layer(), keyPrefix: randomUUID() },
      );
      const first = await told(handler(pay, context(claimMs)));
      await sleep(overMs);
      return [first, await told(handler(pay, context(5_000)))];
    },
    ours: twice((both) => both.api(['hangs before'])),
    found: {
      theirs: { effects: 1, told: ['no answer', 'done'] },
      ours: { effects: 1, told: ['no answer', 'done'] },
    },
  },
  {
    what: 'the key is not in the first argument',
    reported: ['TS 1574'],
    theirs: async (both, pay) => {
      const act = makeIdempotent(async (_at: string, { name }: Pay) => both.act(name).then(() => 'done'), {
        persistenceStore: both.layer(),
        keyPrefix: randomUUID(),
        dataIndexArgument: 1,
        config: new IdempotencyConfig({ eventKeyJmesPath: 'key' }),
      });
      return [await told(act('first', pay)), await told(act('again', pay))];
    },
    ours: twice((both) => both.api()),
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', 'done'] } },
  },
  {
    what: 'something in front of it refuses the first try',
    reported: ['TS 4643'],
    theirs: async (both, { name, key }) => {
      const refusals = [new RangeError('not now')];
      const middy = await loadMiddy();
      const handler = middy((event: Pay) => both.act(event.name).then(() => 'done'))
        .before(() => {
          const refusal = refusals.shift();
          if (refusal !== undefined) throw refusal;
        })
        .use(makeHandlerIdempotent({ persistenceStore: both.layer() }));
      const call = () => told(Promise.resolve(handler({ name, key, cents: 1 }, context(5_000))));
      return [await call(), await call(), await call()];
    },
    ours: async (both, pay) => {
      const refusals = ['alice'];
      const call = both.api([], { caller: () => (refusals.shift() === undefined ? 'alice' : undefined) });
      return [await call(pay), await call(pay), await call(pay)];
    },
    found: {
      theirs: { effects: 1, told: ['RangeError', 'done', 'done'] },
      ours: { effects: 1, told: ['401', 'done', 'done'] },
    },
  },
  {
    what: 'an error is thrown by another copy of the package, as of an ES module beside CommonJS',
    reported: ['TS 2517'],
    theirs: async (both, pay) => {
      const other = otherCopy('@aws-lambda-powertools/idempotency/dynamodb') as typeof Dynamo;
      const layer = new other.DynamoDBPersistenceLayer({
        tableName: both.receipts.name,
        awsSdkV3Client: both.client,
      });
      return twice(() => both.powertools({ layer }))(both, pay);
    },
    ours: async (both, pay) => {
      const { EffectNotStarted: Other } = otherCopy('../../runtime/dedup/errors.js') as typeof Errors;
      if ((Other as unknown) === EffectNotStarted) throw new Error('it is the same copy');
      const throwing = [new Other('the other side is busy')];
      const call = both.api([], {
        leases: leases({ observe: () => undefined }),
        handle: async ({ body }, tx) => {
          const { name } = JSON.parse(Buffer.from(body).toString()) as Pay;
          const run = async () => {
            const busy = throwing.shift();
            if (busy !== undefined) throw busy as Error;
            await both.act(name);
          };
          await tx.once('charge', { args: {}, onUnknown: 'block', run });
          return { status: 201 };
        },
      });
      return twice(() => call)(both, pay);
    },
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['500', 'done'] } },
  },
  {
    what: '10 keys in a table with a sort key (partitions of the table that they are in)',
    reported: ['TS 3781'],
    theirs: async (both, pay) => {
      const table = await newTable(both.client, 'id', 'sort');
      const options = { tableName: table.name, sortKeyAttr: 'sort', awsSdkV3Client: both.client };
      const told = await tenKeys(both.powertools({ layer: new DynamoDBPersistenceLayer(options) }), pay);
      return [...told, await partitions(both, table.name)];
    },
    ours: async (both, pay) => {
      const table = await newTable(both.client, 'id');
      const settings = { apiName: 'keys', dedupTable: table.name, windowSeconds: 86_400 };
      return [...(await tenKeys(both.api([], { settings }), pay)), await partitions(both, table.name)];
    },
    found: {
      theirs: { effects: 10, told: ['10 done', 'partitions: 1'] },
      ours: { effects: 10, told: ['10 done', 'partitions: 10'] },
    },
  },
];

/** The second comes while the first is at work. */
function overlapping(call: (both: SideBySide) => Call): Side {
  return async (both, pay) => {
    const on = call(both);
    const first = on(pay);
    await sleep(100);
    const second = await on(pay);
    return [await first, second];
  };
}

/** This library's layer under Powertools' own functions. */
const lease = ({ client, receipts }: SideBySide): LeasePersistenceLayer =>
  new LeasePersistenceLayer({
    client,
    tableName: receipts.name,
    consumerName: 'side-by-side',
    retentionSeconds: 86_400,
    onUnknown: 'block',
    observe: () => undefined,
  });

/** As much of Redis as the layer asks: SET with NX, GET and DEL. */
class Cache {
  readonly #values = new Map<string, string>();
  get(name: string): Promise<string | null> {
    return Promise.resolve(this.#values.get(name) ?? null);
  }
  set(name: string | Uint8Array, value: unknown, options?: unknown): Promise<string | null> {
    const isNew = (options as { NX?: boolean } | undefined)?.NX === true;
    if (isNew && this.#values.has(String(name))) return Promise.resolve(null);
    this.#values.set(String(name), String(value));
    return Promise.resolve('OK');
  }
  del(keys: string[]): Promise<number> {
    return Promise.resolve(keys.filter((key) => this.#values.delete(key)).length);
  }
}

const context = (remainingMs: number) =>
  ({
    functionName: 'payments',
    functionVersion: '1',
    memoryLimitInMB: '256',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:payments',
    awsRequestId: randomUUID(),
    logGroupName: 'payments',
    logStreamName: 'payments',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => remainingMs,
  }) as Context;

/** A durable function whose one step is written down by its service: a replay skips it. */
function durable(both: SideBySide) {
  const steps = new Set<string>();
  const handler = makeIdempotent(
    async (pay: Pay, { durableExecutionMode }: { durableExecutionMode: string }) => {
      if (!steps.has(pay.name)) await both.act(pay.name);
      steps.add(pay.name);
      if (durableExecutionMode === 'ExecutionMode') await forever();
      return 'done';
    },
    { persistenceStore: both.layer(), keyPrefix: randomUUID() },
  );
  return (pay: Pay, durableExecutionMode: string) =>
    told(
      handler(pay, {
        step: undefined,
        durableExecutionMode,
        lambdaContext: context(5_000),
      } as never),
    );
}

/** A second copy of a module, with classes of its own. */
function otherCopy(name: string): unknown {
  let copy: unknown;
  jest.isolateModules(() => {
    copy = jest.requireActual(name);
  });
  return copy;
}

async function tenKeys(call: Call, pay: Pay) {
  const keys = Array.from({ length: 10 }, () => randomUUID());
  return tally(await Promise.all(keys.map((key) => call({ ...pay, key }))));
}

async function partitions({ client }: SideBySide, TableName: string): Promise<string> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
  return `partitions: ${new Set(Items.map(({ id }) => id?.S)).size}`;
}
