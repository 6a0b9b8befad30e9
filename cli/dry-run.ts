import type { Command } from 'commander';

/** What every command that changes something takes. */
export interface DryRunOption {
  readonly dryRun: boolean;
}

/** Adds `--dry-run`, the same in every command that changes something. */
export function addDryRun(command: Command): Command {
  return command.option('--dry-run', 'tell what would be done, and change nothing', false);
}

/** The beginning of a line that tells what was done, or would be. */
export function inDryRun(dryRun: boolean): string {
  return dryRun ? 'would be: ' : '';
}
