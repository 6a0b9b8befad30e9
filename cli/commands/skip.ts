import type { Command } from 'commander';
import { skipHead } from '../../runtime/sqs/decide.js';
import { addGroupDecision } from '../decide-group.js';

/** Adds `skip`. */
export function addSkip(program: Command): void {
  addGroupDecision(program, {
    name: 'skip',
    description:
      'Passes over the message that a group stopped at, and goes on with what waits behind it, in order.',
    state: 'skipping',
    decide: skipHead,
    done: 'goes on behind',
  });
}
