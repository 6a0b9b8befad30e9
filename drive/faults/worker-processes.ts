import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { DriveError } from '../drive-error.js';

/** The processes that run functions cannot be told on this machine. */
export class WorkersUnseenError extends DriveError {
  override readonly name = 'WorkersUnseenError';
}

interface Process {
  readonly pid: number;
  readonly parent: () => number | undefined;
  readonly command: string;
}

const run = promisify(execFile);

/**
 * The processes that run a function on the embedded target: the emulator starts one per concurrent call, in a folder
 * named after the function. Whether a call is under way in one is not to be seen from outside.
 *
 * Reads /proc where there is one (Linux), else asks `ps`.
 *
 * @param root process id of the emulator or of its guard
 * @throws WorkersUnseenError when neither answers
 */
export async function workerProcesses(root: number, functionName: string): Promise<number[]> {
  const processes = existsSync('/proc/self/stat') ? fromProc() : await fromPs();
  const ofFunction = processes.filter(({ command }) => command.includes(`ministack-lambda-${functionName}-`));
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid)?.();
    return parent !== undefined && (parent === root || isBelow(parent));
  };
  return ofFunction.map(({ pid }) => pid).filter(isBelow);
}

/** Without waiting in between: a kill is due within milliseconds. */
function fromProc(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({
      pid: Number(pid),
      // `pid (name) state parent ...`: the name may hold spaces and parentheses.
      parent: () => numberOf(/.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`))?.[1]),
      command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '),
    }));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // The process ended meanwhile.
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

async function fromPs(): Promise<Process[]> {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,ppid=,command=']).catch((cause: unknown) => {
    throw new WorkersUnseenError('neither /proc nor ps tells which processes run', { cause });
  });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return command === undefined ? [] : [{ pid: Number(pid), parent: () => Number(parent), command }];
  });
}
