import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { packageRoot } from '../../targets/package-root.js';
import { sinkKinds, type SinkKind, type SinkOrder } from './order.js';

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/** Before one that ended by itself is started again, in milliseconds. */
const restartMs = 1_000;

/** The sinks, each in a process that is started again whenever it ends: as a service of a cluster does. */
export class SinkProcesses {
  kills = 0;
  /** Rows that were written, and changes that came again, as the sinks tell it. */
  readonly told = { rows: 0, duplicates: 0 };
  /** What ended a sink by itself. */
  readonly errors: string[] = [];
  readonly #running = new Map<SinkKind, Running>();
  readonly #folder: string;
  #isStopping = false;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(order: Omit<SinkOrder, 'kind' | 'rows'>): Promise<SinkProcesses> {
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-cdc-'));
    await build({
      entryPoints: [join(packageRoot, 'drive', 'cdc', 'sink.ts')],
      bundle: true,
      platform: 'node',
      target: 'node22',
      outdir: folder,
      logLevel: 'warning',
    });
    const processes = new SinkProcesses(folder);
    for (const kind of sinkKinds) void processes.#keep(kind, order);
    return processes;
  }

  /** One of them at random, with SIGKILL. */
  async killOne(): Promise<void> {
    const kind = sinkKinds[Math.floor(Math.random() * sinkKinds.length)] ?? sinkKinds[0];
    const running = this.#running.get(kind);
    if (running === undefined) return;
    running.child.kill('SIGKILL');
    this.kills += 1;
    await running.ended;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const left = [...this.#running.values()];
    for (const { child } of left) child.kill('SIGKILL');
    await Promise.all(left.map(({ ended }) => ended));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #keep(kind: SinkKind, order: Omit<SinkOrder, 'kind' | 'rows'>): Promise<void> {
    while (!this.#isStopping) {
      // Another flush size in each life.
      const child = this.#spawn({ ...order, kind, rows: 50 + Math.floor(Math.random() * 950) });
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      this.#running.set(kind, { child, ended });
      await ended;
      if (child.signalCode === null) await sleep(restartMs);
    }
  }

  #spawn(order: SinkOrder): ChildProcess {
    const child = spawn(process.execPath, [join(this.#folder, 'sink.js'), JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line));
    child.stderr.on('data', (chunk: Buffer) => {
      this.errors.push(`${order.kind}: ${chunk.toString().trim()}`);
    });
    return child;
  }

  #heard(line: string): void {
    // A process that is killed may leave half a line.
    if (!line.startsWith('{') || !line.endsWith('}')) return;
    const { rows = 0, duplicates = 0 } = JSON.parse(line) as { rows?: number; duplicates?: number };
    this.told.rows += rows;
    this.told.duplicates += duplicates;
  }
}
