import type { Command } from 'commander';
import type { HolderMessage } from '../../targets/local/start.js';

/** Adds `local hold`, which `local up` runs in a process of its own. */
export function addLocalHold(local: Command): void {
  local
    .command('hold', { hidden: true })
    .description('Holds emulator and runner until it is told to stop.')
    .action(async () => {
      const tell = (message: HolderMessage) => {
        if (process.connected) process.send?.(message);
      };
      const log = (line: string) => {
        process.stdout.write(`${line}\n`);
        tell({ line });
      };
      const { holdLocal } = await import('../../targets/local/holder.js');
      try {
        const { ended } = await holdLocal(process.cwd(), log);
        tell({ ready: true });
        await ended;
      } catch (error) {
        tell({ failed: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    });
}
