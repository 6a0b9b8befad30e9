import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { SourceOrder } from './kafka-source-process.js';

interface End {
  readonly ended?: string;
  readonly message?: string;
}

/** A sink that reads Kafka, in a process of its own. */
export class Reader {
  wrote = 0;
  readonly ended: Promise<End>;
  readonly #signal: (signal: NodeJS.Signals) => void;

  constructor(path: string, order: SourceOrder) {
    const child = spawn(process.execPath, [path, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // A hundred of them are compiled once.
      env: { ...process.env, NODE_COMPILE_CACHE: `${path}-compiled` },
    });
    this.#signal = (signal) => child.kill(signal);
    let last: End = {};
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { wrote = 0, ...end } = JSON.parse(line) as End & { readonly wrote?: number };
      this.wrote += wrote;
      last = end;
    });
    this.ended = new Promise((resolve) => child.once('close', () => resolve(last)));
  }

  signal(signal: NodeJS.Signals): void {
    this.#signal(signal);
  }
}
