import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import type { KafkaConsumer, KafkaEvent } from '../../runtime/kafka/index.js';
import type { InvocationResult } from '../../targets/event-source/invoke.js';
import type { BatchWork, DiscardedRecords } from '../../targets/event-source/kafka/batch.js';
import type { LogRecord } from '../../targets/event-source/kafka/log.js';
import type { KafkaMapping } from '../../targets/event-source/kafka/mapping.js';
import { MemoryLog } from '../../targets/event-source/kafka/memory-log.js';
import { assigned, KafkaPoller } from '../../targets/event-source/kafka/poller.js';
import { toEvent } from '../../targets/event-source/kafka/record.js';
import { InProcessDynamo } from '../model/in-process-dynamo.js';
import { InProcessQueue } from '../model/in-process-queue.js';
import { InProcessSqs } from '../model/in-process-sqs.js';
import { Life, lifeClient } from './life.js';

/** What a consumer of a mortal process is made with. */
export interface KafkaHabitat {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly deadLetterQueueUrl: string;
  /** Kills the process: nothing of it reaches any store from here on. */
  readonly die: () => Error;
  readonly isDead: () => boolean;
}

/**
 * What becomes of one invocation.
 *
 * - `dies`: its process ends at the nth crash point that it passes.
 * - `unheard`: all is done, and its answer is lost.
 * - `zombie`: it stands still at the nth crash point, Lambda's time for it is up, and it goes on when `after` more
 *   invocations have begun.
 * - `twice`: two instances are given the batch at once, as in a rebalance; the first answer counts.
 */
export type Fate =
  | { readonly kind: 'fine' | 'unheard' | 'twice' }
  | { readonly kind: 'dies'; readonly at: number }
  | { readonly kind: 'zombie'; readonly at: number; readonly after: number };

export interface KafkaWorldOptions {
  readonly mapping?: Partial<KafkaMapping>;
  readonly partitions?: number;
  readonly comesAgain?: BatchWork['comesAgain'];
  /** A new instance of the function: it is made anew after each death. */
  readonly consumer: (habitat: KafkaHabitat) => KafkaConsumer;
  /** @default - new ones */
  readonly tables?: InProcessDynamo;
  /** @default - all invocations are fine */
  readonly fate?: () => Fate;
}

const mapping: KafkaMapping = {
  uuid: 'mapping',
  functionName: 'consumer',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:consumer',
  topic: 'purchases',
  clusterArn: 'arn:aws:kafka:us-east-1:000000000000:cluster/test/1',
  bootstrapServers: 'b-1:9098',
  consumerGroup: 'group',
  startingPosition: 'TRIM_HORIZON',
  batchSize: 100,
  batchingWindowSeconds: 0,
  provisionedPollers: 1,
  reportsBatchItemFailures: true,
  bisectsOnError: false,
  maximumRetryAttempts: Infinity,
  maximumRecordAgeSeconds: Infinity,
  onFailure: undefined,
};
interface Running {
  readonly life: Life;
  passed: number;
  readonly fate: Fate;
  readonly freeze: () => Promise<void>;
}

/**
 * A topic, Lambda's mapping of it, DynamoDB, a dead-letter queue, and a function whose process may die or stand still
 * at any crash point, all in memory. The mapping is played by the event-source runner.
 */
export class KafkaWorld {
  /** What an invocation has. Short, because timers of the dead keep the test's own process alive. */
  static readonly remainingMs = 5_000;
  static readonly receipts = 'receipts';
  static readonly effects = 'effects';

  /** What a dead process still seems to do has not happened, and ends when its time is up. */
  static async deadAreGone(): Promise<void> {
    await sleep(1.5 * KafkaWorld.remainingMs);
  }

  readonly mapping: KafkaMapping;
  log: MemoryLog;
  readonly dead = new InProcessQueue('dead', false, Date.now);
  readonly dynamo: InProcessDynamo;
  readonly discarded: DiscardedRecords[] = [];
  readonly errors: string[] = [];
  /** Crash points at which a process died, and how often. */
  readonly deathsAt = new Map<string, number>();
  /** Calls to DynamoDB, by command. */
  readonly calls = new Map<string, number>();
  deaths = 0;
  invocations = 0;
  readonly #sqs = new InProcessSqs([this.dead]);
  readonly #running = new AsyncLocalStorage<Running>();
  readonly #frozen: { due: number; thaw: () => void }[] = [];
  readonly #zombies: Promise<unknown>[] = [];
  #warm: { readonly consumer: KafkaConsumer; readonly life: Life } | undefined;

  constructor(private readonly options: KafkaWorldOptions) {
    this.mapping = { ...mapping, ...options.mapping };
    this.log = new MemoryLog(this.mapping.topic, options.partitions ?? 1);
    this.dynamo = options.tables ?? new InProcessDynamo({ now: Date.now });
    if (options.tables !== undefined) return;
    this.dynamo.tables.create(KafkaWorld.receipts, 'id').indexes.set('attention', ['attention', 'since']);
    this.dynamo.tables.create(KafkaWorld.effects, 'name');
  }

  /** Until everything of the topic is through, and every zombie, too. */
  async run(most = 300): Promise<void> {
    armCrashPoints((point) => this.#atCrashPoint(point));
    try {
      const parts = assigned(await this.log.partitions(), this.mapping);
      const work = this.work(most);
      const pollers = parts.map((partitions) => new KafkaPoller(this.mapping, this.log, partitions, work));
      await Promise.all(pollers.map((poller) => poller.open()));
      for (let again = true; again;) {
        again = false;
        for (const poller of pollers) again = (await poller.step()) || again;
      }
      for (const { thaw } of this.#frozen) thaw();
      await Promise.all(this.#zombies);
    } finally {
      armCrashPoints(undefined);
    }
  }

  work(most = 300): BatchWork {
    return {
      invoke: (records) => {
        if (this.invocations > most)
          throw new Error(`records are left after ${most} invocations: ${this.errors.slice(-3).join()}`);
        return this.invoke(records);
      },
      discard: (discarded) => Promise.resolve(void this.discarded.push(discarded)),
      pause: () => Promise.resolve(),
      now: Date.now,
      stopping: () => false,
      comesAgain: this.options.comesAgain ?? 'from-lowest',
    };
  }

  /** Gives the function a batch, by the fate of this invocation. */
  async invoke(records: readonly LogRecord[]): Promise<InvocationResult> {
    this.invocations += 1;
    for (const one of this.#frozen) if (one.due <= this.invocations) one.thaw();
    const fate = this.options.fate?.() ?? { kind: 'fine' };
    const event = toEvent(this.mapping, records);
    if (fate.kind !== 'twice') return this.#invokeOne(event, fate);
    const copy = this.#invokeOne(event, fate, true);
    this.#zombies.push(copy);
    const [first] = await Promise.all([this.#invokeOne(event, fate), copy]);
    return first;
  }

  /** The dead letters, taken out of their queue. */
  letters(): { readonly body: string; readonly attributes: Readonly<Record<string, string>> }[] {
    return this.dead.drain().map(({ text, attributes = {} }) => ({
      body: text,
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([name, { stringValue }]) => [name, stringValue ?? '']),
      ),
    }));
  }

  /** A number of an item of the effects. */
  count(name: string): number {
    const row = this.dynamo.tables.get(KafkaWorld.effects).items.find((item) => item.name?.S === name);
    return Number(row?.value?.N ?? 0);
  }

  async #invokeOne(event: KafkaEvent, fate: Fate, cold = false): Promise<InvocationResult> {
    const { consumer, life } = cold ? this.#born() : (this.#warm ??= this.#born());
    const timeUp = Promise.withResolvers<InvocationResult>();
    const running: Running = {
      life,
      passed: 0,
      fate,
      freeze: () => {
        const { promise, resolve } = Promise.withResolvers<undefined>();
        this.#frozen.push({
          due: this.invocations + (fate.kind === 'zombie' ? fate.after : 0),
          thaw: () => resolve(undefined),
        });
        if (this.#warm?.life === life) this.#warm = undefined;
        timeUp.resolve(failed('Sandbox.Timedout'));
        return promise;
      },
    };
    const work = this.#running.run(running, () => this.#answer(consumer, event));
    if (fate.kind === 'zombie') this.#zombies.push(Promise.race([work, life.end]));
    const result = await Promise.race([
      work,
      timeUp.promise,
      life.end.then(() => failed('Runtime.ExitError')),
    ]);
    if (life.isOver && this.#warm?.life === life) {
      this.deaths += 1;
      this.#warm = undefined;
    }
    return fate.kind === 'unheard' ? failed('answer lost') : result;
  }

  async #answer(consumer: KafkaConsumer, event: KafkaEvent): Promise<InvocationResult> {
    try {
      const answer = await consumer(event, { getRemainingTimeInMillis: () => KafkaWorld.remainingMs });
      return { payload: JSON.stringify(answer), functionError: undefined, logTail: '', reached: true };
    } catch (error) {
      this.errors.push((error as Error).name);
      return failed((error as Error).name);
    }
  }

  async #atCrashPoint(point: string): Promise<void> {
    const running = this.#running.getStore();
    if (running === undefined) return;
    const { fate, life } = running;
    const here = running.passed;
    running.passed += 1;
    if (fate.kind === 'dies' && fate.at === here) {
      this.deathsAt.set(point, (this.deathsAt.get(point) ?? 0) + 1);
      life.die();
    }
    if (life.isOver) await new Promise(() => undefined);
    if (fate.kind === 'zombie' && fate.at === here) await running.freeze();
  }

  #born() {
    const life = new Life();
    const habitat: KafkaHabitat = {
      dynamodb: lifeClient(life, (command) => {
        const { name } = command.constructor;
        this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
        return this.dynamo.start(command);
      }) as unknown as DynamoDBClient,
      sqs: lifeClient(life, (command) => this.#sqs.start(command)) as unknown as SQSClient,
      deadLetterQueueUrl: this.dead.url,
      die: () => life.die(),
      isDead: () => life.isOver,
    };
    return { consumer: this.options.consumer(habitat), life };
  }
}

function failed(functionError: string): InvocationResult {
  return { payload: '', functionError, logTail: '', reached: true };
}
