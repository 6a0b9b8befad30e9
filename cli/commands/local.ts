import type { Command } from 'commander';
import { addLocalDeploy } from './local-deploy.js';
import { addLocalDown } from './local-down.js';
import { addLocalUp } from './local-up.js';

/** Adds `local`, with what there is below it. */
export function addLocal(program: Command): void {
  const local = program
    .command('local')
    .description('Runs a CDK app on this machine: an emulator, and a runner that plays its event sources.');
  for (const add of [addLocalUp, addLocalDeploy, addLocalDown]) add(local);
}
