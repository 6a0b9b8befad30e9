import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { InputFileError } from '../drive-error.js';
import { csvFields, paymentOf, LineProblem } from './input-line.js';
import type { Purchase } from './purchases.js';

export interface BadLine {
  /** Counted from 1, the header of a CSV file included. */
  readonly line: number;
  readonly problem: string;
}

/**
 * Reads payments line by line: JSON objects or CSV with a header, told apart by the first character of the file.
 * Fields: `id`, `customer`, `purchasedOn` (YYYY-MM-DD), `cents` or `amount` (12.34), and `cds` (@default 1). Others
 * are ignored, empty lines too. A field of a CSV file may be quoted but holds no line end.
 *
 * Holds the ids in memory, to tell the second line of one id: 100 bytes per payment.
 *
 * @param onBadLine called for each line that is no payment, which is left out
 * @throws InputFileError when the file cannot be read or its header lacks a field
 */
export async function* readInput(file: string, onBadLine: (bad: BadLine) => void): AsyncGenerator<Purchase> {
  const stream = createReadStream(file, 'utf8');
  const failed = new Promise<never>((_, reject) => stream.on('error', reject));
  failed.catch(() => undefined);
  const lines = createInterface({ input: stream, crlfDelay: Infinity })[Symbol.asyncIterator]();
  const seen = new Map<string, number>();
  let header: string[] | undefined;
  let first = true;
  try {
    for (let number = 1; ; number += 1) {
      const { done, value } = await Promise.race([lines.next(), failed]);
      if (done === true) return;
      const line = number === 1 ? value.replace(/^\uFEFF/, '') : value;
      if (line.trim() === '') continue;
      try {
        if (first) {
          first = false;
          if (!line.trimStart().startsWith('{')) {
            header = headerOf(file, line);
            continue;
          }
        }
        const payment = paymentOf(line, header);
        const earlier = seen.get(payment.paymentId);
        if (earlier !== undefined)
          throw new LineProblem(`id '${payment.paymentId}' is on line ${earlier} already`);
        seen.set(payment.paymentId, number);
        yield payment;
      } catch (error) {
        if (!(error instanceof LineProblem)) throw error;
        onBadLine({ line: number, problem: error.message });
      }
    }
  } catch (error) {
    if (error instanceof InputFileError) throw error;
    throw new InputFileError(
      file,
      `cannot be read (${(error as Error).message}): give --input a file that can`,
      { cause: error },
    );
  } finally {
    stream.destroy();
  }
}

/**
 * Reads the whole file without sending anything.
 *
 * @returns how many payments there are, at most `limit`, and the bad lines before its end
 * @throws InputFileError as above, and when it has no payment
 */
export async function checkInput(
  file: string,
  limit: number,
  onBadLine: (bad: BadLine) => void,
): Promise<{ payments: number; bad: number }> {
  let payments = 0;
  let bad = 0;
  const count = (line: BadLine) => {
    bad += 1;
    onBadLine(line);
  };
  const reading = readInput(file, count);
  while (payments < limit && (await reading.next()).done !== true) payments += 1;
  await reading.return(undefined);
  if (payments === 0 && bad === 0)
    throw new InputFileError(file, 'has no payments: give --input a file with one payment per line');
  return { payments, bad };
}

function headerOf(file: string, line: string): string[] {
  const names = csvFields(line)?.map((name) => name.trim()) ?? [];
  const missing = ['id', 'customer', 'purchasedOn'].filter((name) => !names.includes(name));
  if (!names.includes('cents') && !names.includes('amount')) missing.push('cents or amount');
  if (missing.length > 0)
    throw new InputFileError(
      file,
      `begins with '${line.slice(0, 60)}', a header without ${missing.join(', ')}: give one spelled and with commas as in id,customer,purchasedOn,cents, or one JSON object per line`,
    );
  return names;
}
