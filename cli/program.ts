import { Command } from 'commander';
import { addConformance } from './commands/conformance.js';
import { addChoose } from './commands/choose.js';
import { addAudit } from './commands/audit.js';
import { addBlocked } from './commands/blocked.js';
import { addDeadLetters } from './commands/dead-letters.js';
import { addGaps } from './commands/gaps.js';
import { addGroups } from './commands/groups.js';
import { addInspect } from './commands/inspect.js';
import { addLocal } from './commands/local.js';
import { addMigration } from './commands/migration.js';
import { addOutbox } from './commands/outbox.js';
import { addPostgres } from './commands/postgres.js';
import { addRedrive } from './commands/redrive.js';
import { addRestore } from './commands/restore.js';
import { addResume } from './commands/resume.js';
import { addSkip } from './commands/skip.js';
import { addSkipVersion } from './commands/skip-version.js';
import { addStatus } from './commands/status.js';
import { addUnlock } from './commands/unlock.js';
import { addWebhooks } from './commands/webhooks.js';
import { packageVersion } from './package-version.js';

/** The command line, every command in it. Parsing throws CommanderError instead of ending the process. */
export function cliProgram(): Command {
  const program = new Command('exactly-once-aws')
    .description(
      'Looks into a consumer of exactly-once-aws, sets going again what failed, checks an API, compares a table with its copy, recommends a kind of queue, and runs an app locally.',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 something was refused, is left or stands still, 2 could not run.',
    )
    .version(packageVersion(), '--version', 'print the version of this package')
    // Else a command's own --version would be taken for this one.
    .enablePositionalOptions()
    .showHelpAfterError('(see --help)')
    .exitOverride();
  for (const add of [
    addStatus,
    addInspect,
    addRedrive,
    addDeadLetters,
    addGroups,
    addResume,
    addSkip,
    addGaps,
    addSkipVersion,
    addConformance,
    addAudit,
    addChoose,
    addMigration,
    addBlocked,
    addUnlock,
    addOutbox,
    addRestore,
    addPostgres,
    addWebhooks,
    addLocal,
  ])
    add(program);
  return program;
}
