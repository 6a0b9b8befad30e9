import { startLineProcess } from '../line-process.js';

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
  const page = startLineProcess(['webhook', 'local-page.ts'], environment);
  let stopping = false;
  // A write to a process that has just ended fails: that it ended is told below.
  page.stdin.on('error', () => undefined);
  page.lines.on('line', (line) => {
    if (line.startsWith('{')) onSaid(JSON.parse(line) as PageSaid);
  });
  page.onExit(() => {
    if (!stopping) onEnded(page.complaint());
  });
  return {
    give(records) {
      if (records.length > 0) page.stdin.write(`${JSON.stringify(records)}\n`);
    },
    async stop() {
      stopping = true;
      await page.stop();
    },
  };
}
