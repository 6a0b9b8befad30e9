/** The process that `local up` starts: it holds emulator and runner of its folder until it is told to stop. */
import { holdLocal } from '../../targets/local/holder.js';
import type { HolderMessage } from '../../targets/local/start.js';

function tell(message: HolderMessage): void {
  if (process.connected) process.send?.(message);
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
  tell({ line });
}

async function main(): Promise<void> {
  try {
    const { ended } = await holdLocal(process.cwd(), log);
    tell({ ready: true });
    await ended;
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) });
    process.exitCode = 2;
  }
}

void main();
