import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Ends its command when standard input closes, which happens however the starting process ends (kill -9 included).
 * The copy of the descriptor is needed because a shell gives what it puts into the background an empty standard
 * input.
 */
const guard =
  'exec 3<&0; "$@" & pid=$!; echo "pid $pid"; (cat <&3 >/dev/null; kill -9 $pid) & ' +
  // A command that ended by itself leaves nobody who would kill what has its number later.
  'wait $pid; code=$?; kill $! 2>/dev/null; exit $code';

/** A command that does not outlive the process that started it. */
export interface GuardedProcess {
  /** Of the guard, whose child the command is. */
  readonly pid: number;
  /** Of the command itself; undefined in its first moments. */
  readonly commandPid: () => number | undefined;
  readonly ended: () => boolean;
  /** Resolves when it has ended. */
  readonly end: Promise<void>;
  /** The last 8,192 characters of what it printed. */
  readonly output: () => string;
  /** Kills it and waits for its end. May be called more than once. */
  stop(): Promise<void>;
}

export function guarded(command: readonly string[]): GuardedProcess {
  const shell = spawn('sh', ['-c', guard, 'sh', ...command], {
    // Away from the terminal's process group: Ctrl-C reaches this process, and the guard through the pipe.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let commandPid: number | undefined;
  let over = false;
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-8192);
    commandPid ??= Number(/^pid (\d+)$/m.exec(output)?.[1]) || undefined;
  };
  shell.stdout.on('data', keep);
  shell.stderr.on('data', keep);
  const end = new Promise<void>((resolve) => {
    const ended = () => {
      over = true;
      resolve();
    };
    shell.on('error', ended);
    shell.on('exit', ended);
  });
  hold(shell, false);
  return {
    pid: shell.pid ?? -1,
    commandPid: () => commandPid,
    ended: () => over,
    end,
    output: () => output,
    stop: async () => {
      hold(shell, true);
      shell.stdin.destroy();
      await end;
      hold(shell, false);
    },
  };
}

/** Whether the guard keeps this process's event loop alive. */
function hold(shell: ChildProcess, on: boolean): void {
  // The pipes of a child are sockets, which the types of ChildProcess do not say.
  const pipes = [shell.stdin, shell.stdout, shell.stderr] as unknown as { ref(): void; unref(): void }[];
  for (const handle of [shell, ...pipes])
    if (on) handle.ref();
    else handle.unref();
}
