import { ConnectorFailed, ConnectRefused } from './errors.js';
import type { ConnectRest, ConnectorConfig, PartStatus } from './rest.js';

/** Failures of a task within so long, in milliseconds, belong together. */
const windowMs = 10 * 60_000;
const mostRestarts = 10;
/** Lines of a stack of Java that say what happened. */
const traceLines = 3;

export interface WatchOptions {
  readonly rest: ConnectRest;
  readonly connector: string;
  readonly config: ConnectorConfig;
  /** Host and port under which the others know this worker. @default - it looks after all of them */
  readonly workerId?: string;
  /** Restarts within 10 minutes. @default 10 */
  readonly mostRestarts?: number;
}

/** What one look has found. */
export interface Look {
  /** Of the connector and its task, how many do not run; 1 where there is no task, or no answer. */
  readonly notRunning: number;
  /** How many were started again. */
  readonly restarts: number;
}

/**
 * Looks after a connector. Connect does not start a failed task again, as when a broker dies and its transaction
 * outlasts its time: this does, of what failed in its own worker, so that no two start the same.
 */
export class ConnectorWatch {
  readonly #options: WatchOptions;
  #restarts: number[] = [];

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Registers the connector. May be done by every worker, at any time. @throws ConnectRefused */
  async register(): Promise<boolean> {
    const { rest, connector, config } = this.#options;
    return rest.register(connector, config);
  }

  /** @throws ConnectorFailed when it has failed too often in this worker */
  async look(): Promise<Look> {
    const { rest, connector, workerId, mostRestarts: most = mostRestarts } = this.#options;
    try {
      const { connector: itself, tasks } = await rest.status(connector);
      const parts = [itself, ...tasks];
      const notRunning = Math.max(parts.filter(isNotRunning).length, tasks.length === 0 ? 1 : 0);
      const failed = parts.filter(
        (part) => part.state === 'FAILED' && (workerId === undefined || part.worker_id === workerId),
      );
      if (failed.length === 0) return { notRunning, restarts: 0 };
      this.#restarts = [
        ...this.#restarts.filter((at) => at > performance.now() - windowMs),
        performance.now(),
      ];
      if (this.#restarts.length > most) throw new ConnectorFailed(connector, traceOf(failed), most);
      await rest.restartFailed(connector);
      return { notRunning, restarts: failed.length };
    } catch (error) {
      if (error instanceof ConnectRefused) return { notRunning: 1, restarts: 0 };
      throw error;
    }
  }
}

function isNotRunning({ state }: PartStatus): boolean {
  return state !== 'RUNNING';
}

function traceOf([first]: readonly PartStatus[]): string {
  return (first?.trace ?? 'it says nothing').split('\n').slice(0, traceLines).join('; ');
}
