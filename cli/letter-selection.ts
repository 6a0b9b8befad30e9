import { InvalidArgumentError, type Command } from 'commander';
import type { DeadLetterCopy } from './dead-letter-copy.js';

/** Which dead letters a command is about, as the command line says it. */
export interface LetterSelection {
  readonly key?: string;
  readonly group?: string;
  readonly limit?: number;
}

/** Adds the options that select dead letters. */
export function addLetterSelection(command: Command): Command {
  return command
    .option('--key <key>', 'only dead letters of this key, as the consumer makes it')
    .option('--group <group>', 'only dead letters of this MessageGroupId')
    .option('--limit <n>', 'at most so many', wholeAboveZero);
}

/** Whether a dead letter is one of those that were asked for. The limit is the caller's to count. */
export function isSelected({ key, group }: LetterSelection, copy: DeadLetterCopy): boolean {
  return (key === undefined || copy.letter?.key === key) && (group === undefined || copy.group === group);
}

/** Such as `of key 'a' and group 'b'`; empty when all are meant. */
export function selectionText({ key, group }: LetterSelection): string {
  const parts = [
    ...(key === undefined ? [] : [`key '${key}'`]),
    ...(group === undefined ? [] : [`group '${group}'`]),
  ];
  return parts.length === 0 ? '' : ` of ${parts.join(' and ')}`;
}

/** @throws InvalidArgumentError when it is no whole number from 1 on */
export function wholeAboveZero(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Allowed are whole numbers from 1 on.');
  return Number(text);
}
