import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import type { BasePersistenceLayer } from '@aws-lambda-powertools/idempotency/persistence';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { idempotentApi, type IdempotentApiOptions } from '../../runtime/api/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { embedded } from '../fixtures/embedded.js';
import { dynamo, row } from '../fixtures/dynamo.js';
import { day, limits, request } from '../api/payments.js';

/** A request: it pays `cents` for `name`, which is what is counted. */
export interface Pay {
  readonly name: string;
  cents: number;
  readonly key?: string;
}

/** What a caller was told: `done`, or the name of an error, or the status of a refusal. */
export type Told = string;

/** Calls a protected operation, several times. */
export type Call = (pay: Pay) => Promise<Told>;

/** Where a run goes wrong: never returns, throws, or takes 400 ms. */
export type Mishap = 'hangs before' | 'hangs after' | 'throws after' | 'changes its input' | 'is slow';

/** One table of receipts and one of effects for both, and an operation protected by each. */
export class SideBySide {
  readonly client = dynamo();
  constructor(
    readonly receipts: Table,
    readonly counters: Table,
  ) {}

  /** Effects that a name has. Counted by no key. */
  async effects(name: string): Promise<number> {
    return Number((await row(this.client, this.counters, { name }))?.value ?? 0);
  }

  /** The effect: a count that has no key, so that a second one is seen. */
  async act(name: string): Promise<void> {
    await this.client.send(
      new UpdateItemCommand({
        TableName: this.counters.name,
        Key: { name: { S: name } },
        UpdateExpression: 'ADD #v :one',
        ExpressionAttributeNames: { '#v': 'value' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );
  }

  /**
   * Powertools, as its documentation has it.
   *
   * @param remainingMs of the invocation that claims. @default 5,000
   */
  powertools(
    options: {
      readonly path?: string;
      readonly remainingMs?: number | 'not registered';
      readonly mishaps?: Mishap[];
      readonly layer?: BasePersistenceLayer;
      readonly prefix?: string;
      readonly localCache?: boolean;
    } = {},
  ): Call {
    const {
      path = 'key',
      remainingMs = 5_000,
      mishaps = [],
      layer = this.layer(),
      prefix = randomUUID(),
      localCache = false,
    } = options;
    const config = new IdempotencyConfig({
      ...(path === '' ? {} : { eventKeyJmesPath: path }),
      useLocalCache: localCache,
    });
    if (remainingMs !== 'not registered')
      config.registerLambdaContext({ getRemainingTimeInMillis: () => remainingMs } as Context);
    const handle = makeIdempotent(
      async (pay: Pay) => {
        const mishap = mishaps.shift();
        if (mishap === 'hangs before') await forever();
        if (mishap === 'is slow') await sleep(400);
        await this.act(pay.name);
        if (mishap === 'hangs after') await forever();
        if (mishap === 'throws after') throw new Error('after the effect');
        if (mishap === 'changes its input') pay.cents += 1;
        return { done: pay.name };
      },
      { persistenceStore: layer, config, keyPrefix: prefix },
    );
    return (pay) => told(handle({ ...pay }));
  }

  layer(client: DynamoDBClient = this.client): DynamoDBPersistenceLayer {
    return new DynamoDBPersistenceLayer({ tableName: this.receipts.name, awsSdkV3Client: client });
  }

  /** This library's API, with the same effect in its transaction. */
  api(mishaps: Mishap[] = [], more: Partial<IdempotentApiOptions<Uint8Array>> = {}): Call {
    const api = idempotentApi({
      settings: { apiName: `api-${randomUUID()}`, dedupTable: this.receipts.name, windowSeconds: day },
      dynamodb: this.client,
      observe: () => undefined,
      handle: async ({ body }, tx) => {
        const pay = JSON.parse(Buffer.from(body).toString()) as Pay;
        const mishap = mishaps.shift();
        if (mishap === 'hangs before') await forever();
        if (mishap === 'is slow') await sleep(400);
        tx.update(this.counters, { name: pay.name }, { add: { value: 1 } });
        if (mishap === 'hangs after') await forever();
        if (mishap === 'throws after') throw new Error('after the effect');
        if (mishap === 'changes its input') body.fill(0);
        return { status: 201, body: { done: pay.name } };
      },
      ...more,
    });
    return async ({ key = '', ...body }) => {
      const answer = await orHung(api(request({ key, body }), limits()));
      if (answer === undefined) return 'no answer';
      return answer.status === 201 ? 'done' : String(answer.status);
    };
  }
}

export const newPay = (): Pay & { readonly key: string } => ({
  name: randomUUID(),
  cents: 5,
  key: randomUUID(),
});

/** A client whose first answers to this command get lost, after the engine has done it. */
export function losing(command: string, times = 1): DynamoDBClient {
  const client = new DynamoDBClient({ ...embedded().client, maxAttempts: 1 });
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== command || times-- <= 0) return next(args);
        if (command !== 'UpdateItemCommand') await next(args);
        throw new Error('connection lost');
      },
    { step: 'initialize' },
  );
  return client;
}

const deaths = new EventEmitter();

/** A process that dies there: nobody waits for it. */
export function forever(): Promise<never> {
  deaths.emit('death');
  return new Promise(() => undefined);
}

/** What a caller of Powertools is told: it gets a result, an error or nothing. */
export function told(work: Promise<unknown>): Promise<Told> {
  return orHung(work).then(
    (result) => (result === undefined ? 'no answer' : 'done'),
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}

/** Undefined once the process has died in which the work is. */
async function orHung<T>(work: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const death = once(deaths, 'death', over).then(
    () => undefined,
    () => undefined,
  );
  return Promise.race([work, death]).finally(() => over.abort());
}
