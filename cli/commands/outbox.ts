import type { Command } from 'commander';
import { addOutboxList } from './outbox-list.js';
import { addOutboxResend } from './outbox-resend.js';
import { addOutboxSkip } from './outbox-skip.js';

/** Adds `outbox`. */
export function addOutbox(program: Command): void {
  const parent = program
    .command('outbox')
    .description('Lists what an outbox cannot send, sends events again, or passes over one for a target.');
  addOutboxList(parent);
  addOutboxResend(parent);
  addOutboxSkip(parent);
}
