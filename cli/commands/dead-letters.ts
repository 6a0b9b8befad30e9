import type { Command } from 'commander';
import { addDiscard } from './dead-letters-discard.js';
import { addDeadLettersList } from './dead-letters-list.js';

/** Adds `dead-letters`. */
export function addDeadLetters(program: Command): void {
  const parent = program
    .command('dead-letters')
    .description('Lists what is in the dead-letter queue, or throws it away for good: see redrive.');
  addDeadLettersList(parent);
  addDiscard(parent);
}
