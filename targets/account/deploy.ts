/**
 * `npm run deploy -- [--profile NAME] [options of cdk deploy]`: deploys the reference stack to a real account with
 * the plain CDK CLI, which asks before it changes permissions. docs/deploy.md says what is needed, what it costs and
 * what stays.
 */
import { cdk, runAccountCommand, stackName } from './cdk-command.js';

void runAccountCommand(async (account, command) => {
  console.log(
    `${stackName} goes to account ${account.id}, ${account.region}, as ${account.caller}. Idle it costs about $1.10 a month: docs/deploy.md`,
  );
  return cdk(account, command, ['deploy', stackName, ...command.options]);
});
