import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { steadyPort } from '../steady-port.js';
import { KafkaStartError } from './errors.js';
import { kafkaJars } from './jars.js';
import { KafkaNode } from './node.js';
import type { NodePlace } from './properties.js';
import { changeRights, describeTransactions, outOfSync, readRecords } from './tools.js';

export { installKafkaClient, kafkaClientFolder } from './client.js';
export * from './errors.js';
export { kafkaMissing } from './missing.js';

export interface KafkaOptions {
  /**
   * Nodes, each broker and controller. 1: nothing is replicated. 3: every topic, those of offsets and transactions
   * too, has 3 replicas, of which 2 must be in sync (`min.insync.replicas`), as people run it. About 250 MB each.
   *
   * @default 1
   */
  readonly brokers?: 1 | 3;
  /** Whether it has an authorizer: then topics may be forbidden. @default false */
  readonly isGuarded?: boolean;
  /** Stands before the only node: clients are told its port, and it is told the node's. @default - nothing */
  readonly front?: (port: number) => Promise<number>;
  readonly log?: (line: string) => void;
}

/** A cluster of Kafka on 127.0.0.1. */
export interface KafkaBroker {
  /** For `bootstrap.servers`. */
  readonly servers: string;
  /** Kills the JVM of a node with SIGKILL and waits for its end. Its folder stays. @param node from 1. @default 1 */
  kill(node?: number): Promise<void>;
  /** Starts it again on the same folder and ports. @throws KafkaStartError */
  restart(node?: number): Promise<void>;
  /** Kills all nodes and starts another cluster on their ports: every topic is gone. @throws KafkaStartError */
  recreate(): Promise<void>;
  /** Waits until every replica is in sync, as one does between two restarts. @throws KafkaStartError after 180 s */
  inSync(): Promise<void>;
  /** Of a guarded cluster: nobody may read, write or describe the topic any more, until it is allowed again. */
  forbid(topic: string): Promise<void>;
  allow(topic: string): Promise<void>;
  /**
   * What Kafka's own Java consumer sees of a topic with read_committed: the values, in order per partition.
   *
   * @param atLeast with fewer than these it looks again with more patience. @default 1
   */
  values(topic: string, atLeast?: number): Promise<string[]>;
  /** The same, and before each value its headers, `name:value,name:value`, and a tab. */
  valuesWithHeaders(topic: string, atLeast?: number): Promise<string[]>;
  /** What may hold readers of a topic of 4 partitions back: its offsets, transactions and producers, for people. */
  transactions(topic: string): Promise<string>;
  /**
   * Lines of the brokers' logs that say that markers of a transaction were left out: records of an aborted one
   * become visible then (KAFKA-20734).
   */
  markersLeftOut(): Promise<string[]>;
  /** Ends it and removes its folder. May be called more than once. */
  stop(): Promise<void>;
}

const inSyncSeconds = 180;

/**
 * Starts a cluster of Kafka (KRaft; its version is pinned in pom.xml) on free ports, and waits until it listens.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError when it cannot be fetched
 * @throws KafkaStartError with its last lines when it does not listen within 300 s
 */
export async function startKafka({
  brokers = 1,
  isGuarded = false,
  front,
  log,
}: KafkaOptions = {}): Promise<KafkaBroker> {
  const jars = await kafkaJars(log);
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-kafka-'));
  const nodes: KafkaNode[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const nodeOf = (id: number) => {
    const node = nodes[id - 1];
    if (node === undefined) throw new RangeError(`there is no node ${id}: they are 1 to ${nodes.length}`);
    return node;
  };
  try {
    const clusterId = newClusterId();
    const places = await placesOf(brokers, folder, front);
    for (const place of places)
      nodes.push(await KafkaNode.made(jars, folder, clusterId, place, { nodes: places, isGuarded }));
    await started(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const servers = nodes.map(({ server }) => server).join(',');
  log?.(`Kafka ready on ${servers}`);
  return {
    servers,
    kill: (node = 1) => nodeOf(node).kill(),
    restart: (node = 1) => {
      nodeOf(node).start();
      return nodeOf(node).listening();
    },
    recreate: async () => {
      await Promise.all(nodes.map((node) => node.kill()));
      const clusterId = newClusterId();
      for (const node of nodes) await node.format(clusterId);
      await started(nodes);
    },
    inSync: () => untilInSync(jars, servers),
    forbid: (topic) => changeRights(jars, servers, ['--add', ...forbidden(topic)]),
    allow: (topic) => changeRights(jars, servers, ['--remove', '--force', ...forbidden(topic)]),
    values: (topic, atLeast = 1) => readRecords(jars, servers, topic, atLeast),
    valuesWithHeaders: (topic, atLeast = 1) => readRecords(jars, servers, topic, atLeast, true),
    transactions: (topic) => describeTransactions(jars, servers, topic),
    markersLeftOut: async () => {
      const logs = await Promise.all(nodes.map((node) => node.log()));
      return logs.flatMap((text) =>
        text.split('\n').filter((line) => line.includes('likely deleted already')),
      );
    },
    stop,
  };
}

/** Without a password everybody is ANONYMOUS. A topic with a rule allows nothing else. */
function forbidden(topic: string): string[] {
  return ['--deny-principal', 'User:ANONYMOUS', '--operation', 'Read', '--topic', topic];
}

/** 16 random bytes in URL-safe base64. */
function newClusterId(): string {
  return randomBytes(16).toString('base64url');
}

/** All before the first is waited for: one of three does not come up alone. */
async function started(nodes: readonly KafkaNode[]): Promise<void> {
  for (const node of nodes) node.start();
  await Promise.all(nodes.map((node) => node.listening()));
}

async function placesOf(brokers: number, folder: string, front: KafkaOptions['front']): Promise<NodePlace[]> {
  const ports = new Set<number>();
  while (ports.size < 2 * brokers) ports.add(await steadyPort());
  const free = [...ports];
  const advertisedPort = await front?.(free[0] ?? 0);
  return Array.from({ length: brokers }, (_, index) => ({
    id: index + 1,
    port: free[2 * index] ?? 0,
    controllerPort: free[2 * index + 1] ?? 0,
    dataFolder: join(folder, `data-${index + 1}`),
    ...(advertisedPort !== undefined && { advertisedPort }),
  }));
}

async function untilInSync(jars: string, servers: string): Promise<void> {
  const deadline = Date.now() + inSyncSeconds * 1000;
  for (;;) {
    const behind = await outOfSync(jars, servers).catch(String);
    if (behind === '') return;
    if (Date.now() > deadline)
      throw new KafkaStartError(`replicas are still out of sync after ${inSyncSeconds} s:\n${behind}`);
    await sleep(500);
  }
}
