import { heedClosedPipes } from '../targets/closed-pipe.js';
import { LocalTargetError } from '../targets/local-target-error.js';
import { type Cleanup, cleanup } from './cleanup.js';
import { DriveError, InterruptedError } from './drive-error.js';
import { interruptSignal } from './interrupt.js';
import { progressTo, type Progress } from './progress.js';

/** What a program has around it. */
export interface Surroundings {
  readonly progress: Progress;
  /** Undone before the process ends, whatever ends it. */
  readonly undo: Cleanup;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program and ends the process: with the status that it returns (0 when every effect happened exactly once, 1
 * when not), 2 when it could not run, 130 or 143 when it was interrupted. What it started is undone before.
 */
export async function runProgram(program: (around: Surroundings) => Promise<number>): Promise<void> {
  heedClosedPipes();
  const progress = progressTo(process.stderr);
  const signal = interruptSignal();
  const undo = cleanup((line) => progress.line(line));
  signal.addEventListener('abort', () => progress.line('stopping what was started'));
  const ended = await program({ progress, undo, signal }).then(
    (status) => () => status,
    // What an interruption broke is not what ended it.
    (error: unknown) => () => statusOf(signal.aborted ? signal.reason : error, progress),
  );
  await undo.run();
  progress.settle();
  process.exit(ended());
}

function statusOf(error: unknown, progress: Progress): number {
  if (error instanceof InterruptedError) {
    progress.line(error.message);
    return error.signalName === 'SIGINT' ? 130 : 143;
  }
  if (error instanceof DriveError || error instanceof LocalTargetError) {
    progress.line(`could not run: ${error.message.trimEnd()}`);
    return 2;
  }
  progress.line(
    `could not run, by a fault of the driver: ${error instanceof Error ? String(error.stack) : String(error)}`,
  );
  return 2;
}
