import { extname, join } from 'node:path';
import type { Command } from 'commander';
import { print, warn } from '../output.js';

/** Adds `local up`. */
export function addLocalUp(local: Command): void {
  local
    .command('up')
    .description('Starts the emulator for the project in this folder. It runs until `local down`.')
    .action(async () => {
      const project = process.cwd();
      const { readState } = await import('../../targets/local/state.js');
      const running = await readState(project);
      const state = running ?? (await start(project));
      print(`${running === undefined ? 'runs' : 'runs already'} on ${state.endpoint}, process ${state.pid}`);
      print(
        `next: npx exactly-once-aws local deploy; for other tools: export AWS_ENDPOINT_URL=${state.endpoint}`,
      );
    });
}

async function start(project: string) {
  const { startLocal } = await import('../../targets/local/start.js');
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    // Compiled, or from the sources, as this file is.
    const hold = join(__dirname, '..', 'local', `hold${extname(__filename)}`);
    return await startLocal(project, [process.execPath, ...process.execArgv, hold], {
      log: warn,
      signal: interrupted.signal,
    });
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
