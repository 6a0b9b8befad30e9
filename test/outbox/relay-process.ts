import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { DynamoDBBatchResponse, DynamoDBRecord } from 'aws-lambda';
import { relayCrashPoints } from '../../runtime/dedup/crash-points.js';
import type { OwnProcess } from '../fixtures/own-process.js';
import type { WorkerOptions, WorkerOrder } from './relay-worker.js';

/** A relay in a process that is started anew whenever it has been killed. */
export class RelayProcess {
  /** Kills so far, by where. */
  readonly killed = new Map<string, number>();
  private child: ChildProcess | undefined;
  private orders = 0;

  /** @param kills how often it is killed: at every other invocation, at each point in turn */
  constructor(
    private readonly worker: OwnProcess,
    private readonly options: WorkerOptions,
    private readonly kills: number,
  ) {}

  get deaths(): number {
    return [...this.killed.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Undefined: it was killed, nobody knows what it has done. */
  async invoke(event: WorkerOrder['event']): Promise<DynamoDBBatchResponse | undefined> {
    this.child ??= fork(this.worker.path, [JSON.stringify(this.options)]);
    const { child } = this;
    this.orders += 1;
    const point = relayCrashPoints[this.deaths % relayCrashPoints.length];
    const dies = this.deaths < this.kills && this.orders % 2 === 1 && point !== undefined;
    const ended = new AbortController();
    const answer = once(child, 'message', { signal: ended.signal });
    const death = once(child, 'exit', { signal: ended.signal }).then((): undefined => undefined);
    const order: WorkerOrder = {
      event,
      // Only sends are passed more than once in one invocation.
      dieAt: dies
        ? { point, after: point === 'after-mark' ? 0 : Math.floor(this.deaths / 3) % 2 }
        : undefined,
    };
    child.send(order);
    try {
      const [response] = ((await Promise.race([answer, death])) ?? []) as [DynamoDBBatchResponse?];
      if (response === undefined) {
        this.child = undefined;
        this.killed.set(point ?? '', (this.killed.get(point ?? '') ?? 0) + 1);
      }
      return response;
    } finally {
      ended.abort();
      // The one that lost the race.
      await Promise.allSettled([answer, death]);
    }
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
}

/**
 * Plays the stream's mapping: batches in order, the same again after a kill, and from the first failure on after a
 * partial answer.
 *
 * @param more brings new records
 * @param goesOn whether more may come
 */
export async function playStream(
  more: () => Promise<DynamoDBRecord[]>,
  invoke: (event: { Records: DynamoDBRecord[] }) => Promise<DynamoDBBatchResponse | undefined>,
  goesOn: () => boolean,
): Promise<void> {
  const waiting: DynamoDBRecord[] = [];
  for (;;) {
    const last = !goesOn();
    waiting.push(...(await more()).filter(({ eventName }) => eventName === 'INSERT'));
    if (waiting.length === 0) {
      if (last) return;
      continue;
    }
    const Records = waiting.slice(0, 12);
    const answer = await invoke({ Records });
    if (answer === undefined) continue;
    const failed = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const first = Records.findIndex(({ dynamodb }) => failed.has(dynamodb?.SequenceNumber ?? ''));
    waiting.splice(0, first === -1 ? Records.length : first);
  }
}
