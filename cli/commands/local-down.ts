import type { Command } from 'commander';
import { print } from '../output.js';

/** Adds `local down`. */
export function addLocalDown(local: Command): void {
  local
    .command('down')
    .description('Ends the emulator and the runner of this folder, with all that was deployed.')
    .action(async () => {
      const project = process.cwd();
      const { readState } = await import('../../targets/local/state.js');
      const state = await readState(project);
      if (state === undefined) {
        print('nothing runs here');
        return;
      }
      const { stop } = await import('../../targets/local/control.js');
      await stop(project, state);
      print(`ended, process ${state.pid}`);
    });
}
