import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../targets/package-root.js';
import { DriveError } from '../drive-error.js';
import type { ActivityEvent } from '../input/activity-events.js';

/** What the sender says of one batch. */
export interface Sent {
  readonly spilled: number;
  readonly throttled: number;
  readonly back: number;
}

/** A process with the sender of the product. The driver shares no code with it: lines are all that goes between. */
export interface Producer {
  send(events: readonly ActivityEvent[]): Promise<Sent>;
  stop(): Promise<void>;
}

/** The producer ended by itself. */
export class ProducerEnded extends DriveError {
  override readonly name = 'ProducerEnded';
}

/** @param environment region, credentials, endpoint and queues */
export function startProducer(environment: Readonly<Record<string, string>>): Producer {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(packageRoot, 'lambdas', 'channel', 'activity-producer.ts')],
    {
      cwd: packageRoot,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint = `${complaint}${String(chunk)}`.slice(-2_000)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async send(events) {
      child.stdin.write(`${JSON.stringify(events)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new ProducerEnded(`the producer ended: ${complaint.trim()}`);
      return JSON.parse(value) as Sent;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
