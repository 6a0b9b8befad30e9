import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerLine, WorkOrder } from './order.js';

/** A process that runs a processor. */
export class Worker {
  readonly lines: WorkerLine[] = [];
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #isOver = false;
  #killedBy: string | null = null;
  #rest = '';
  #errors = '';

  constructor(file: string, order: WorkOrder) {
    this.#child = spawn(process.execPath, [file, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString()).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line) as WorkerLine);
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (_, signal) => {
        this.#isOver = true;
        this.#killedBy = signal;
        resolve();
      });
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The signal that ended it, if one did. */
  get killedBy(): string | null {
    return this.#killedBy;
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
      .reduce((sum, line) => sum + Number(line[field]), 0);
  }

  /** Waits for a line. @throws when it has not come in time, with what came instead */
  async line(kind: string, ms = 60_000): Promise<WorkerLine> {
    const until = Date.now() + ms;
    for (;;) {
      const found = this.lines.find((line) => line.kind === kind);
      if (found !== undefined) return found;
      if (Date.now() > until || this.#isOver)
        throw new Error(
          `no line '${kind}' ${this.#isOver ? 'before it ended' : `in ${ms} ms`}: ` +
            `${JSON.stringify(this.lines.slice(-6))} ${this.#errors.slice(-2000)}`,
        );
      await sleep(20);
    }
  }
}
