import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Order, Word } from './victim.js';

export interface Death {
  /** Undefined: it lived to the end of its batch. */
  readonly at: string | undefined;
  readonly done?: Extract<Word, { word: 'done' }>;
}

/**
 * Runs a victim to its end.
 *
 * @param afterMs kills it so long after its batch has begun; undefined leaves it to the victim.
 * @throws Error when it ended otherwise than by SIGKILL or by finishing its batch.
 */
export async function run(victim: string, order: Order, afterMs?: number): Promise<Death> {
  const child = spawn(process.execPath, [victim, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let timer: NodeJS.Timeout | undefined;
  let dying: string | undefined;
  let done: Extract<Word, { word: 'done' }> | undefined;
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  createInterface(child.stdout).on('line', (line) => {
    const word = JSON.parse(line) as Word;
    if (word.word === 'dying') dying = word.instant;
    else if (word.word === 'done') done = word;
    else if (afterMs !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  const signal = await new Promise<string | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (_code, endedBy) => {
      resolve(endedBy);
    });
  });
  clearTimeout(timer);
  if (done !== undefined) return { at: undefined, done };
  if (signal !== 'SIGKILL') throw new Error(`the victim ended by itself: ${complaint.slice(-2000)}`);
  return { at: dying ?? 'at a random moment' };
}
