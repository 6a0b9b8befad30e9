import { mkdtempSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Purchase } from '../input/purchases.js';

/** What the auditor holds the effects against. */
export type JournalEntry = Pick<Purchase, 'paymentId' | 'customer' | 'cents'>;

export interface Journal {
  readonly file: string;
  /** Resolves when the system has the line: it survives the end of this process, not that of the machine. */
  record(purchase: Purchase): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a JSON-lines file of payment ids. A payment is recorded before the first request for it is sent, so that one
 * whose request was lost, or whose driver died, is missed and not forgotten (R42).
 */
export async function openJournal(folder: string): Promise<Journal> {
  const file = journalFile(folder);
  const handle = await open(file, 'ax');
  return {
    file,
    record: async ({ paymentId, customer, cents }) => {
      // One write call per line: lines of concurrent callers never mix in a file opened for appending.
      await handle.write(`${JSON.stringify({ paymentId, customer, cents })}\n`);
    },
    close: () => handle.close(),
  };
}

/** Where the journal of a run is. */
export function journalFile(folder: string): string {
  return join(folder, 'payments.jsonl');
}

export interface LineFile<T> {
  readonly file: string;
  /** All in one write. Resolves when the system has the lines. */
  append(entries: readonly T[]): Promise<void>;
  /** One entry at a time, so that a long file costs no memory. */
  read(): AsyncIterable<T>;
  close(): Promise<void>;
}

/** A new JSON-lines file. */
export async function lineFile<T>(folder: string, name: string): Promise<LineFile<T>> {
  const file = join(folder, name);
  const handle = await open(file, 'ax');
  return {
    file,
    append: async (entries) => {
      await handle.write(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    },
    async *read() {
      const reading = await open(file);
      for await (const line of reading.readLines()) yield JSON.parse(line) as T;
    },
    close: () => handle.close(),
  };
}

export async function readJournal(file: string): Promise<JournalEntry[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as JournalEntry);
}

/** A temporary folder that goes with this process however it ends, short of SIGKILL. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'exactly-once-drive-'));
  const remove = () => {
    rmSync(path, { recursive: true, force: true });
    process.off('exit', remove);
  };
  process.on('exit', remove);
  return { path, remove };
}
