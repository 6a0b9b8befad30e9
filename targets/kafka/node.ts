import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guarded, type GuardedProcess } from '../guarded-process.js';
import { KafkaStartError } from './errors.js';
import { brokerProperties, type NodePlace } from './properties.js';
import { javaCommand, runTool } from './tools.js';

const startSeconds = 300;

/** One JVM of a cluster, which may be killed and started again on its folder and ports. */
export class KafkaNode {
  readonly #jars: string;
  readonly #folder: string;
  readonly #place: NodePlace;
  readonly #megabytes: number;
  #process: GuardedProcess | undefined;
  #lives = 0;

  private constructor(jars: string, folder: string, place: NodePlace, megabytes: number) {
    this.#jars = jars;
    this.#folder = folder;
    this.#place = place;
    this.#megabytes = megabytes;
  }

  /** Formats its folder. @param megabytes of heap at most. @throws KafkaToolError */
  static async made(
    jars: string,
    folder: string,
    clusterId: string,
    place: NodePlace,
    { nodes, isGuarded }: { readonly nodes: readonly NodePlace[]; readonly isGuarded: boolean },
  ): Promise<KafkaNode> {
    const node = new KafkaNode(jars, folder, place, nodes.length === 1 ? 512 : 256);
    await writeFile(node.#properties, brokerProperties(place, nodes, isGuarded));
    await node.format(clusterId);
    return node;
  }

  /** Makes its folder that of a new cluster: what it held is gone. Not while it runs. @throws KafkaToolError */
  async format(clusterId: string): Promise<void> {
    await rm(this.#place.dataFolder, { recursive: true, force: true });
    // In one word with its option: one id in 64 begins with '-' and would be read as another option.
    const format = ['format', `--cluster-id=${clusterId}`, '-c', this.#properties];
    await runTool(this.#jars, 'kafka.tools.StorageTool', format);
  }

  get id(): number {
    return this.#place.id;
  }

  get server(): string {
    return `127.0.0.1:${this.#place.advertisedPort ?? this.#place.port}`;
  }

  /** Starts its JVM; `listening` waits until it answers. */
  start(): void {
    this.#lives += 1;
    const settings = { logFile: this.#log(this.#lives), showDateTime: 'true', showThreadName: 'false' };
    const command = javaCommand(this.#jars, 'kafka.Kafka', [this.#properties], this.#megabytes, settings);
    this.#process = guarded(command);
  }

  /** @throws KafkaStartError with the last lines of its log when it does not listen within 300 s */
  async listening(): Promise<void> {
    const broker = this.#process;
    const deadline = Date.now() + startSeconds * 1000;
    while (broker !== undefined && Date.now() < deadline && !broker.ended()) {
      if (await listens(this.#place.port)) return;
      await sleep(100);
    }
    const what = broker?.ended() === true ? 'ended' : `did not listen within ${startSeconds} s`;
    await this.stop();
    const lines = (await this.log()).trimEnd().split('\n').slice(-40).join('\n');
    throw new KafkaStartError(
      `Kafka's node ${this.id} ${what}; its last lines are below\n${broker?.output() ?? ''}\n${lines}`,
    );
  }

  /** With SIGKILL; waits for its end. */
  async kill(): Promise<void> {
    const pid = this.#process?.commandPid();
    if (pid !== undefined && this.#process?.ended() === false) process.kill(pid, 'SIGKILL');
    await this.#process?.end;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** What all its lives have logged. */
  async log(): Promise<string> {
    const lives = Array.from({ length: this.#lives }, (_, life) => this.#log(life + 1));
    return (await Promise.all(lives.map((file) => readFile(file, 'utf8').catch(() => '')))).join('');
  }

  get #properties(): string {
    return join(this.#folder, `node-${this.id}.properties`);
  }

  /** A file per life: the logger writes over the one that is there. */
  #log(life: number): string {
    return join(this.#folder, `node-${this.id}-life-${life}.log`);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 });
    const say = (yes: boolean) => () => {
      socket.destroy();
      resolve(yes);
    };
    socket.on('connect', say(true)).on('error', say(false)).on('timeout', say(false));
  });
}
