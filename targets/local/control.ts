import { setTimeout as sleep } from 'node:timers/promises';
import { LocalTargetError } from '../local-target-error.js';
import type { Played } from './holder.js';
import { isAlive, removeState, type LocalState } from './state.js';

/** The process that holds emulator and runner refused, or did not answer. */
export class LocalControlError extends LocalTargetError {
  override readonly name = 'LocalControlError';
}

const endSeconds = 60;

/**
 * Has the runner read the mappings anew and play them.
 *
 * @throws LocalControlError with what the runner said
 */
export async function play({ control }: LocalState): Promise<Played[]> {
  const answer = await fetch(`${control}/play`, { method: 'POST' });
  const body: unknown = await answer.json();
  if (answer.ok) return body as Played[];
  throw new LocalControlError(
    `the event-source runner did not start: ${(body as { message?: string }).message ?? answer.status}`,
  );
}

/** Ends emulator and runner, and waits until they have: up to 60 s for the invocations in flight, then by force. */
export async function stop(project: string, { control, pid }: LocalState): Promise<void> {
  await fetch(`${control}/stop`, { method: 'POST' }).catch(() => undefined);
  for (const until = Date.now() + endSeconds * 1000; isAlive(pid);) {
    await sleep(100);
    if (Date.now() < until) continue;
    // The emulator's guard sees that its pipe is closed, and ends it.
    process.kill(pid, 'SIGKILL');
    break;
  }
  await removeState(project, pid);
}
