import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import {
  kafkaClientFolder,
  startKafka,
  type KafkaBroker,
  type KafkaOptions,
} from '../../../targets/kafka/index.js';
import { packageRoot } from '../../../targets/package-root.js';
import type { WorkOrder } from './order.js';
import type { Answer, Errand } from './steward.js';
import { Worker } from './worker-process.js';

/** An errand without its number. */
type Order = Errand extends infer One ? (One extends Errand ? Omit<One, 'id'> : never) : never;

/** Records of one errand at most. */
const maxSent = 2_000;

/** A broker, its topics, and processes that work on them. */
export class World {
  readonly broker: KafkaBroker;
  readonly #folder: string;
  readonly #workers: Worker[] = [];
  #steward: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #errands = 0;
  #isClosed = false;

  private constructor(broker: KafkaBroker, folder: string) {
    this.broker = broker;
    this.#folder = folder;
    this.#steward = this.#engage();
  }

  /** @param brokers 3: replicated, as people run it */
  static async open(brokers: 1 | 3 = 1, options: Omit<KafkaOptions, 'brokers'> = {}): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-kafka-worker-'));
    // Sixty starts of a process are quicker when each loads one file.
    await build({
      entryPoints: ['worker', 'steward'].map((name) =>
        join(packageRoot, 'test', 'kafka', 'processor', `${name}.ts`),
      ),
      bundle: true,
      platform: 'node',
      outdir: folder,
    });
    return new World(await startKafka({ brokers, ...options }), folder);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const worker of this.#workers) worker.signal('SIGKILL');
    this.#steward.kill('SIGKILL');
    await this.broker.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async createTopics(
    names: readonly string[],
    partitions = 4,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    for (const topic of names) await this.#ask({ kind: 'create', topic, partitions, config });
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#ask({ kind: 'delete', topic });
  }

  /** Everything in a partition, as retention does it. */
  async deleteRecords(topic: string, partition = 0): Promise<void> {
    await this.#ask({ kind: 'delete records', topic, partition });
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#ask({ kind: 'add partitions', topic, count });
  }

  /**
   * Writes each value once. Resolves when all are acknowledged.
   *
   * @param keys of the values. @default - each is keyed by itself
   */
  async produce(topic: string, values: readonly string[], keys = values): Promise<void> {
    for (let from = 0; from < values.length; from += maxSent) {
      const to = from + maxSent;
      const some = { values: values.slice(from, to), keys: keys.slice(from, to) };
      await this.#ask({ kind: 'send', topic, headers: [], ...some });
    }
  }

  /** Writes one record. @param value null: a tombstone */
  async produceOne(
    topic: string,
    key: string,
    value: string | null,
    headers: readonly (readonly [name: string, value: string])[],
  ): Promise<void> {
    await this.#ask({ kind: 'send', topic, values: [value], keys: [key], headers });
  }

  /**
   * Sum of the offsets that a group has committed for a topic: how many of its records it is done with. -1: the
   * broker does not know yet.
   */
  async done(group: string, topic: string): Promise<number> {
    const answer = await this.#ask({ kind: 'done', group, topic }).catch(() => undefined);
    return answer?.value ?? -1;
  }

  work(order: Omit<WorkOrder, 'client' | 'servers'>): Worker {
    const worker = new Worker(join(this.#folder, 'worker.js'), {
      client: kafkaClientFolder(),
      servers: this.broker.servers,
      ...order,
    });
    this.#workers.push(worker);
    return worker;
  }

  #engage(): ChildProcess {
    const steward = spawn(
      process.execPath,
      [join(this.#folder, 'steward.js'), kafkaClientFolder(), this.broker.servers],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    createInterface({ input: steward.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    // The client's list of a group's offsets crashes now and then while the broker loads them: the next one asks
    // again.
    steward.on('exit', (code, signal) => {
      const left = [...this.#waiting];
      this.#waiting.clear();
      for (const [id, answer] of left) answer({ id, error: `the steward ended (${signal ?? code})` });
      if (!this.#isClosed) this.#steward = this.#engage();
    });
    return steward;
  }

  #ask(order: Order): Promise<Answer> {
    const id = (this.#errands += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => {
        if (answer.error === undefined) resolve(answer);
        else reject(new Error(`${order.kind}: ${answer.error}`));
      });
      this.#steward.stdin?.write(`${JSON.stringify({ id, ...order })}\n`);
    });
  }
}

/** Waits until it is so. @throws in the end */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  ms = 120_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`it never came to: ${what}`);
    await sleep(50);
  }
}
