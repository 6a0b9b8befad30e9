import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../targets/package-root.js';

/** What the process says, one of these per line. */
export interface PageSaid {
  /** Opens the page, for a day. */
  readonly link?: string;
  /** Of the messages of one batch: events that were taken, and those that had been. */
  readonly taken?: number;
  readonly suppressed?: number;
}

/** A process with the sender of the product and its page. The driver shares no code with it. */
export interface PageProcess {
  give(records: readonly unknown[]): void;
  stop(): Promise<void>;
}

/**
 * @param environment region, credentials, endpoint, tables and endpoints
 * @param onEnded with what it complained of, when it ended by itself
 */
export function startPageProcess(
  environment: Readonly<Record<string, string>>,
  onSaid: (said: PageSaid) => void,
  onEnded: (complaint: string) => void,
): PageProcess {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(packageRoot, 'lambdas', 'webhook', 'local-page.ts')],
    {
      cwd: packageRoot,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let complaint = '';
  let stopping = false;
  child.stderr.on('data', (chunk: Buffer) => (complaint = `${complaint}${String(chunk)}`.slice(-2_000)));
  // A write to a process that has just ended fails: that it ended is told below.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) onSaid(JSON.parse(line) as PageSaid);
  });
  child.on('exit', () => {
    if (!stopping) onEnded(complaint.trim());
  });
  return {
    give(records) {
      if (records.length > 0) child.stdin.write(`${JSON.stringify(records)}\n`);
    },
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
