/**
 * `npm run destroy -- [--profile NAME] [options of cdk destroy]`: deletes the reference stack from a real account
 * with the plain CDK CLI, which asks first, and lists what stays.
 */
import { cdk, runAccountCommand, stackName } from './cdk-command.js';
import { isDeployed, leftovers, type Leftover } from './leftovers.js';
import type { Account } from './preflight.js';
import { messageOf } from '../message-of.js';

void runAccountCommand(async (account, command) => {
  const code = await cdk(account, command, ['destroy', stackName, ...command.options]);
  if (code !== 0) return code;
  const left = await whatStays(account);
  if (left.length > 0) {
    console.log(
      `\nThese stay, with what is in them. Each command deletes one for good, in ${account.region}:`,
    );
    for (const { removal } of left) console.log(removal);
  }
  return 0;
});

async function whatStays(account: Account): Promise<Leftover[]> {
  try {
    // The CLI ends well, too, when its question was answered with no.
    return (await isDeployed(account, stackName)) ? [] : await leftovers(account, stackName);
  } catch (error) {
    console.log(
      `\nWhat stays cannot be listed (${messageOf(error)}): look for names that begin with ${stackName}-`,
    );
    return [];
  }
}
