import { BadLinesError } from '../drive-error.js';
import { type BadLine, checkInput, readInput } from './input-file.js';
import type { RunOptions } from '../options.js';
import { type Purchase, readPurchases } from './purchases.js';

/** What a run sends. */
export interface Source {
  /** Reads it, from the start each time. */
  readonly purchases: () => AsyncIterable<Purchase>;
  readonly count: number;
  /** Lines of the caller's file that are no payments and are left out. */
  readonly skipped: number;
}

/** More bad lines than this are only counted. */
const told = 20;

/**
 * The purchases in drive/data/, or the caller's own file, which is read to its end here: bad lines are told before
 * anything is started.
 *
 * @throws InputFileError, and BadLinesError when there are bad lines and they are not to be skipped
 */
export async function sourceOf(
  options: Pick<RunOptions, 'input' | 'messages' | 'onBadLine'>,
  tell: (line: string) => void,
): Promise<Source> {
  const { input, messages, onBadLine } = options;
  if (input === undefined) return { purchases: () => readPurchases(messages), count: messages, skipped: 0 };
  let shown = 0;
  const { payments, bad } = await checkInput(input, messages, ({ line, problem }: BadLine) => {
    shown += 1;
    if (shown <= told) tell(`${input} line ${line}: ${problem}`);
  });
  if (bad > told) tell(`${input}: ${bad - told} more bad ${bad - told === 1 ? 'line' : 'lines'}`);
  if (bad > 0 && (onBadLine === 'fail' || payments === 0)) throw new BadLinesError(input, bad, payments);
  if (bad > 0) tell(`${input}: ${linesSkipped(bad)}, ${payments} payments left`);
  return {
    purchases: () =>
      firstOf(
        readInput(input, () => undefined),
        payments,
      ),
    ...{ count: payments, skipped: bad },
  };
}

/** For the report, too: its figures are of the other lines. */
export function linesSkipped(count: number): string {
  return `${count} bad ${count === 1 ? 'line' : 'lines'} skipped`;
}

async function* firstOf<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let number = 0;
  for await (const item of items) {
    yield item;
    number += 1;
    if (number === count) return;
  }
}
