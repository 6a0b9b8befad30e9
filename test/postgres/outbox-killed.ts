import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { OwnProcess } from '../fixtures/own-process.js';
import type { WorkerOptions } from './outbox-worker.js';

const points: readonly CrashPoint[] = ['batch-received', 'before-send', 'after-send', 'after-mark'];

/** Relays in processes, each started anew whenever it has been killed, until there were enough kills. */
export class KilledRelays {
  /** Kills so far, by where. */
  readonly killed = new Map<string, number>(points.map((point) => [point, 0]));
  /** What they have said. */
  said = '';
  readonly #children = new Set<ChildProcess>();
  #begun = 0;
  readonly #end = new AbortController();

  constructor(
    private readonly worker: OwnProcess,
    private readonly options: WorkerOptions,
    /** How many there are to be. */
    private readonly kills: number,
    private readonly random: () => number,
  ) {}

  get deaths(): number {
    return [...this.killed.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Keeps one running. */
  async keep(): Promise<void> {
    while (this.#isRunning()) {
      const point = points[this.#begun % points.length];
      const dies = this.deaths < this.kills && point !== undefined;
      if (dies) this.#begun += 1;
      const order: WorkerOptions = {
        ...this.options,
        ...(dies && { dieAt: { point, after: Math.floor(this.random() * 4) } }),
      };
      const child = fork(this.worker.path, [JSON.stringify(order)], { silent: true });
      this.#children.add(child);
      const hear = (chunk: Buffer) => void (this.said += chunk.toString());
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      this.#children.delete(child);
      if (!this.#isRunning()) return;
      if (!dies || signal !== 'SIGKILL')
        throw new Error(`a relay has ended by itself: ${this.said.slice(-2_000)}`);
      this.killed.set(point, (this.killed.get(point) ?? 0) + 1);
    }
  }

  #isRunning(): boolean {
    return !this.#end.signal.aborted;
  }

  stop(): void {
    this.#end.abort();
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
