import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { crashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { startThrottleProxy, type ThrottleProxy } from '../../drive/faults/throttle-proxy.js';
import { newChannel, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { sqs } from '../fixtures/queue.js';
import type { ProducerAnswer, ProducerOptions, ProducerOrder } from './producer.js';
import type { ReceiverOrder } from './receiver.js';

export interface EventOrder {
  readonly id: string;
  readonly account: string;
  /** Of the account, from 1 on. */
  readonly version: string;
}

/** Events of some accounts in turn, numbered within each. */
export function eventsOf(accounts: number, each: number): EventOrder[] {
  return Array.from({ length: each }, (_, n) =>
    Array.from({ length: accounts }, (_, a) => ({
      id: `a${a}-${n + 1}`,
      account: `a${a}`,
      version: String(n + 1),
    })),
  ).flat();
}

/** Deaths of one kind of process, by where. */
export type Deaths = Record<string, number>;

/** A FIFO queue that can be throttled, a Standard one beside it, and processes that send and receive. */
export class SpillWorld {
  readonly producerDeaths: Deaths = {};
  readonly receiverDeaths: Deaths = {};
  readonly figures = { spilled: 0, throttled: 0, back: 0, calls: 0 };
  /** See {@link ReceiverOrder.inOrder}. */
  inOrder = false;
  #child: ChildProcess | undefined;
  #orders = 0;
  #receives = 0;

  private constructor(
    readonly fifo: TestChannel,
    readonly standard: TestChannel,
    readonly receipts: string,
    readonly effects: string,
    private readonly byVersion: boolean,
    private readonly processes: { readonly producer: OwnProcess; readonly receiver: OwnProcess },
    private readonly proxy: ThrottleProxy,
    private readonly throttle: { share: number },
  ) {}

  static async open(byVersion: boolean): Promise<SpillWorld> {
    const [queues, dynamodb] = [sqs(), dynamo()];
    const throttle = { share: 0 };
    const [fifo, standard, receipts, effects, producer, receiver, proxy] = await Promise.all([
      newChannel(queues, true),
      newChannel(queues, false),
      newDedupTable(dynamodb),
      newTable(dynamodb, 'name'),
      OwnProcess.of(join(__dirname, 'producer.ts')),
      OwnProcess.of(join(__dirname, 'receiver.ts')),
      startThrottleProxy({
        upstream: embedded().client.endpoint,
        taken: (entries) => Math.floor(entries * (1 - throttle.share)),
      }),
    ]);
    queues.destroy();
    dynamodb.destroy();
    return new SpillWorld(
      ...([
        fifo,
        standard,
        receipts.name,
        effects.name,
        byVersion,
        { producer, receiver },
        proxy,
        throttle,
      ] as const),
    );
  }

  /** @param share of the entries of each call to FIFO that are refused from now on */
  throttled(share: number): void {
    this.throttle.share = share;
  }

  /**
   * Sends until everything is accepted: the same once more after a death, as a producer does that has not heard.
   *
   * @param kills how often it dies here
   * @param accepted called after a death of which the queue has everything, and nobody knows
   */
  async send(events: readonly EventOrder[], kills = 0, accepted?: () => void): Promise<void> {
    await this.#send(events, kills, accepted, () => undefined);
  }

  /**
   * Sends to one queue, and after its death to another one, as a producer does that was deployed anew meanwhile.
   *
   * @param queueUrls where to send, and where after a death
   */
  async sendTo(
    queueUrls: readonly [string, string],
    events: readonly EventOrder[],
    dies: boolean,
  ): Promise<void> {
    const accepted = dies ? () => undefined : undefined;
    await this.#send(events, dies ? 1 : 0, accepted, (deaths) => queueUrls[deaths === 0 ? 0 : 1]);
  }

  async #send(
    events: readonly EventOrder[],
    kills: number,
    accepted: (() => void) | undefined,
    queueOf: (deaths: number) => string | undefined,
  ): Promise<void> {
    let [left, deaths] = [events, 0];
    while (left.length > 0) {
      this.#orders += 1;
      const point = accepted ? 'after-send' : (['before-send', 'after-send'] as const)[this.#orders % 2];
      const after = accepted ? 0 : this.#orders % 3;
      const dieAt = deaths < kills && point !== undefined ? { point, after } : undefined;
      const answer = await this.#order({ events: left, queueUrl: queueOf(deaths), dieAt });
      if (answer === undefined) {
        deaths += 1;
        accepted?.();
        this.producerDeaths[point ?? ''] = (this.producerDeaths[point ?? ''] ?? 0) + 1;
        continue;
      }
      for (const name of ['spilled', 'throttled', 'back', 'calls'] as const)
        this.figures[name] += answer.summary[name];
      const unsent = new Set(answer.unsent);
      left = left.filter(({ id }) => unsent.has(id));
    }
  }

  async #order(order: ProducerOrder): Promise<ProducerAnswer | undefined> {
    const options: ProducerOptions = {
      queueUrl: this.fifo.queueUrl,
      spilloverQueueUrl: this.standard.queueUrl,
      byVersion: this.byVersion,
      client: { ...embedded().client, endpoint: this.proxy.url },
    };
    this.#child ??= fork(this.processes.producer.path, [JSON.stringify(options)]);
    const child = this.#child;
    const ended = new AbortController();
    const answer = once(child, 'message', { signal: ended.signal }) as Promise<[ProducerAnswer]>;
    const death = once(child, 'exit', { signal: ended.signal }).then((): undefined => undefined);
    child.send(order);
    const heard = await Promise.race([answer, death]);
    ended.abort();
    await Promise.allSettled([answer, death]);
    if (heard === undefined) this.#child = undefined;
    return heard?.[0];
  }

  /** Some batches of one queue, by a process that may be killed on the way. */
  async receive(channel: TestChannel, batches: number, dies: boolean): Promise<void> {
    await this.#receive(
      channel,
      batches,
      dies ? mortalPoints[this.#receives++ % mortalPoints.length] : undefined,
    );
  }

  /** @returns whether it has died */
  async #receive(channel: TestChannel, batches: number, dieAt: CrashPoint | undefined): Promise<boolean> {
    const order: ReceiverOrder = {
      ...{ channel, batches, dieAt, byVersion: this.byVersion, inOrder: this.inOrder },
      ...{ receipts: this.receipts, effects: this.effects, client: embedded().client },
    };
    const { signal } = await this.processes.receiver.run(order);
    if (signal !== 'SIGKILL' || dieAt === undefined) return false;
    this.receiverDeaths[dieAt] = (this.receiverDeaths[dieAt] ?? 0) + 1;
    return true;
  }

  /**
   * For each point at which no receiver has died yet: sends one of the events, and lets receivers come until one of
   * them has died there, because how many of those under load meet a message hangs on the speed of the machine. Sends
   * what is left of the events after that.
   */
  async receiveAtEachPoint(channel: TestChannel, events: readonly EventOrder[]): Promise<void> {
    const missing = mortalPoints.filter((point) => this.receiverDeaths[point] === undefined);
    const to = [channel.queueUrl, channel.queueUrl] as const;
    for (const [i, dieAt] of missing.entries()) {
      await this.sendTo(to, events.slice(i, i + 1), false);
      while (!(await this.#receive(channel, 3, dieAt)));
    }
    if (missing.length < events.length) await this.sendTo(to, events.slice(missing.length), false);
  }

  async close(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.proxy.stop();
    await Promise.all(Object.values(this.processes).map(async (one) => one.remove()));
  }
}

/** Those that an ordinary batch passes. */
export const mortalPoints = crashPoints.filter((point) =>
  ['batch-received', 'before-commit', 'after-commit', 'before-answer'].includes(point),
);
