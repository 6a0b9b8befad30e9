import { BadLinesError } from './drive-error.js';
import { type BadLine, checkInput, readInput } from './input-file.js';
import type { RunOptions } from './options.js';
import { type Purchase, readPurchases } from './purchases.js';

/** What a run sends. */
export interface Source {
  /** Reads it, from the start each time. */
  readonly purchases: () => AsyncIterable<Purchase>;
  readonly count: number;
}

/** More bad lines than this are only counted. */
const told = 20;

/**
 * The purchases in data/, or the caller's own file, which is read to its end here: bad lines are told before anything
 * is started.
 *
 * @throws InputFileError, and BadLinesError when there are bad lines and they are not to be skipped
 */
export async function sourceOf(
  options: Pick<RunOptions, 'input' | 'messages' | 'onBadLine'>,
  tell: (line: string) => void,
): Promise<Source> {
  const { input, messages, onBadLine } = options;
  if (input === undefined) return { purchases: () => readPurchases(messages), count: messages };
  let shown = 0;
  const { payments, bad } = await checkInput(input, messages, ({ line, problem }: BadLine) => {
    shown += 1;
    if (shown <= told) tell(`${input} line ${line}: ${problem}`);
  });
  if (bad > told) tell(`${input}: ${bad - told} more bad lines`);
  if (bad > 0 && (onBadLine === 'fail' || payments === 0)) throw new BadLinesError(input, bad, payments);
  if (bad > 0) tell(`${input}: ${bad} bad lines skipped, ${payments} payments left`);
  return {
    purchases: () =>
      firstOf(
        readInput(input, () => undefined),
        payments,
      ),
    count: payments,
  };
}

async function* firstOf<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let number = 0;
  for await (const item of items) {
    yield item;
    number += 1;
    if (number === count) return;
  }
}
