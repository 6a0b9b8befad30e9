import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { kafkaClientFolder, requireKafkaClient, startKafka, type KafkaBroker } from '../../../targets/kafka/index.js';
import { packageRoot } from '../../../targets/package-root.js';
import type { WorkerLine, WorkOrder } from './order.js';

/** What the tests use of the client itself: making topics, and filling them. */
interface Client {
  readonly AdminClient: { create(settings: Record<string, unknown>): Admin };
  readonly HighLevelProducer: new (settings: Record<string, unknown>, topic: Record<string, unknown>) => Producer;
}
type Done = (error: Error | null) => void;
interface Admin {
  createTopic(topic: { topic: string; num_partitions: number; replication_factor: number }, ms: number, done: Done): void;
  deleteTopic(topic: string, ms: number, done: Done): void;
  createPartitions(topic: string, count: number, ms: number, done: Done): void;
  listConsumerGroupOffsets(
    groups: readonly { groupId: string }[],
    options: { timeout: number },
    done: (
      error: Error | null,
      found: { partitions: { topic: string; offset?: number; metadata?: string }[] }[],
    ) => void,
  ): void;
  disconnect(): void;
}
interface Producer {
  connect(options: object, done: Done): void;
  disconnect(done: () => void): void;
  setPollInterval(ms: number): void;
  produce(topic: string, partition: number | null, value: Buffer, key: string | null, at: null, done: Done): void;
}

/** Writes records. */
export interface Feed {
  /** Each value once, keyed by itself. Resolves when all are acknowledged. */
  send(topic: string, values: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** A broker, its topics, and processes that work on them. */
export class World {
  readonly broker: KafkaBroker;
  readonly #folder: string;
  readonly #workers: Worker[] = [];

  private constructor(broker: KafkaBroker, folder: string) {
    this.broker = broker;
    this.#folder = folder;
  }

  static async open(): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-kafka-worker-'));
    // Sixty starts of a process are quicker when each loads one file.
    await build({
      entryPoints: [join(packageRoot, 'test', 'kafka', 'processor', 'worker.ts')],
      bundle: true,
      platform: 'node',
      outfile: join(folder, 'worker.js'),
    });
    return new World(await startKafka(), folder);
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) worker.signal('SIGKILL');
    await this.broker.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async createTopics(names: readonly string[], partitions = 4): Promise<void> {
    await this.#administer(async (admin) => {
      for (const topic of names)
        await settled((done) =>
          admin.createTopic({ topic, num_partitions: partitions, replication_factor: 1 }, 20_000, done),
        );
    });
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#administer((admin) => settled((done) => admin.deleteTopic(topic, 20_000, done)));
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#administer((admin) => settled((done) => admin.createPartitions(topic, count, 20_000, done)));
  }

  /**
   * Sum of the offsets that a group has committed for a topic: how many of its records it is done with. -1: the broker
   * does not know yet.
   */
  async done(groupId: string, topic: string): Promise<number> {
    let sum = 0;
    await this.#administer(
      (admin) =>
        new Promise((resolve) => {
          admin.listConsumerGroupOffsets([{ groupId }], { timeout: 10_000 }, (error, found) => {
            if (error) sum = -1;
            if (error) return resolve();
            for (const one of found[0]?.partitions ?? [])
              if (one.topic === topic) sum += Math.max(0, one.offset ?? 0);
            resolve();
          });
        }),
    );
    return sum;
  }

  /** Writes each value once, keyed by itself. Resolves when all are acknowledged. */
  async produce(topic: string, values: readonly string[]): Promise<void> {
    const feed = await this.feed();
    await feed.send(topic, values);
    await feed.close();
  }

  async feed(): Promise<Feed> {
    const { HighLevelProducer } = requireKafkaClient() as Client;
    const producer = new HighLevelProducer(
      { 'bootstrap.servers': this.broker.servers, 'enable.idempotence': true, 'linger.ms': 20, 'message.timeout.ms': 120_000 },
      {},
    );
    await settled((done) => producer.connect({}, done));
    producer.setPollInterval(20);
    return {
      send: async (topic, values) => {
        for (let from = 0; from < values.length; from += 5_000)
          await Promise.all(
            values
              .slice(from, from + 5_000)
              .map((value) =>
                settled((done) => producer.produce(topic, null, Buffer.from(value), value, null, done)),
              ),
          );
      },
      close: () => new Promise((resolve) => producer.disconnect(resolve)),
    };
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

  async #administer(act: (admin: Admin) => Promise<void>): Promise<void> {
    const { AdminClient } = requireKafkaClient() as Client;
    const admin = AdminClient.create({ 'bootstrap.servers': this.broker.servers });
    try {
      await act(admin);
    } finally {
      admin.disconnect();
    }
  }
}

/** A process that runs a processor. */
export class Worker {
  readonly lines: WorkerLine[] = [];
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #isOver = false;
  #rest = '';
  #errors = '';

  constructor(file: string, order: WorkOrder) {
    this.#child = spawn(process.execPath, [file, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString()).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line) as WorkerLine);
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', () => {
        this.#isOver = true;
        resolve();
      });
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** The name of the error that ended it. */
  get error(): unknown {
    return this.lines.find(({ kind }) => kind === 'ended')?.error;
  }

  sum(kind: string, field: string): number {
    return this.lines
      .filter((line) => line.kind === kind)
      .reduce((sum, line) => sum + Number((line as Record<string, unknown>)[field]), 0);
  }

  /** Waits for a line. @throws when it has not come in time, with what came instead */
  async line(kind: string, ms = 60_000, matches: (line: WorkerLine) => boolean = () => true): Promise<WorkerLine> {
    const until = Date.now() + ms;
    for (;;) {
      const found = this.lines.find((line) => line.kind === kind && matches(line));
      if (found !== undefined) return found;
      if (Date.now() > until || this.#isOver)
        throw new Error(
          `no line '${kind}' ${this.#isOver ? 'before it ended' : `in ${ms} ms`}: ${JSON.stringify(this.lines.slice(-6))} ${this.#errors.slice(-2000)}`,
        );
      await sleep(20);
    }
  }
}

function settled(call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Waits until it is so. @throws in the end */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, ms = 120_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`it never came to: ${what}`);
    await sleep(50);
  }
}
