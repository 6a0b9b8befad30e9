import type { Command } from 'commander';
import { resumeGroup } from '../../runtime/sqs/decide.js';
import { addGroupsDecision } from '../decide-group.js';

/** Adds `resume`. */
export function addResume(program: Command): void {
  addGroupsDecision(program, {
    name: 'resume',
    description: 'Tries the message that a group stopped at again, and then what waits behind it, in order.',
    state: 'resuming',
    decide: resumeGroup,
    done: 'is tried again from',
  });
}
