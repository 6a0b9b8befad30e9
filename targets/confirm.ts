import { createInterface } from 'node:readline';
import { NotConfirmedError } from './errors.js';

/** Where a question is put. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Standard output stays free for what the run prints. */
export const ownTerminal: Terminal = { input: process.stdin, output: process.stderr };

/**
 * Asks for a yes; everything else is a no.
 *
 * @throws NotConfirmedError also where there is no terminal to ask on
 */
export async function confirm(question: string, { input, output }: Terminal): Promise<void> {
  if (input.isTTY !== true) {
    throw new NotConfirmedError(
      '--target aws costs money and there is no terminal to ask on: add --yes if that is meant',
    );
  }
  const asking = createInterface({ input, output });
  output.write(`${question} [y/N] `);
  const answer = await new Promise<string>((resolve) => {
    asking.once('line', resolve);
    // Ctrl-C, or the end of the input.
    asking.once('close', () => resolve(''));
  });
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new NotConfirmedError('nothing was deployed: answer y or add --yes to run on the account');
  }
}
