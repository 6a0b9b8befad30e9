import { setTimeout as sleep } from 'node:timers/promises';
import type { Invocation, InvocationStart } from '../../targets/event-source/index.js';
import { draw } from '../input/draw.js';
import { grouped } from '../report.js';
import { messageOf } from '../../targets/message-of.js';

type Records = InvocationStart['records'];

export interface KillsOptions {
  readonly functionName: string;
  readonly seed: number;
  /** Kills per message, 0 to 1. */
  readonly share: number;
  /** Process ids of the function's workers, see workerProcesses. */
  readonly workers: ((functionName: string) => Promise<readonly number[]>) | undefined;
  /** No kill begins later than this after the first one: what they held comes back soon. @default - any time */
  readonly withinMs?: number;
  /** Given the records of a killed invocation, how many of them it had committed. @default - not asked */
  readonly committed?: (records: Records) => Promise<number>;
}

export interface Kills {
  /** Whether kills were asked for. */
  readonly wanted: boolean;
  /** Invocations that ended by a kill. */
  readonly killed: number;
  /** Those of them that had committed at least one message which was not acknowledged. Undefined when not asked. */
  readonly afterCommit: number | undefined;
  /**
   * Further invocations that failed by a kill, though they started after it: they were given to a process that had
   * not ended yet, or the emulator ended theirs, as it ends all of a function when one dies while it starts.
   */
  readonly inWake: number;
  /**
   * When what the last killed invocation held comes back, in epoch milliseconds: its messages are hidden until then.
   * Undefined while nothing was killed.
   */
  readonly backAt: number | undefined;
  /** Why nothing is killed, if so. */
  readonly impossible: string | undefined;
  /** To be called when an invocation starts; what it returns, when it has ended. */
  onStart(start: InvocationStart): ((ended: Invocation) => void) | undefined;
  /** Resolves when what was found out about the last kill is counted. */
  settled(): Promise<void>;
}

/** As all channels of the reference stack have it: six times the 5 s of their functions. */
const hiddenSeconds = 30;
/** From how many durations a kill's time is drawn. */
const remembered = 20;
const watchEveryMs = 2;
/** How the log of a failed invocation ends whose process ended, on the emulator. Empty: while it started. */
const processEnded = /^$|(^|\n)(Worker process died|\[Errno 32\] Broken pipe)\s*$/;

/**
 * Ends workers of one function with SIGKILL, as a failing host does: all workers of the function at one time, because
 * it is not to be seen which of them serves which call.
 *
 * One kill is due for every 1/share messages delivered for the first time, so that kills do not multiply themselves
 * through the messages they bring back. Its invocation is the next one to start that is given such a message. The
 * time of every second kill is drawn, by the seed, within one of the last 20 durations. The others strike as soon as
 * the invocation's first effect is seen: then the commit is durable and the acknowledgement still under way, a moment
 * too short to be drawn often enough. A kill that came too late, when its invocation had ended, is repeated.
 */
export function kills(options: KillsOptions): Kills {
  const { functionName, seed, share, withinMs = Infinity } = options;
  let firstKill: number | undefined;
  const durations: number[] = [];
  const underWay = new Set<{ killed: boolean }>();
  const asked = new Set<Promise<void>>();
  let backAt: number | undefined;
  const count = { messages: 0, planned: 0, killed: 0, afterCommit: 0, inWake: 0, drawn: 0, struck: 0 };
  let impossible = options.workers === undefined ? "the target's processes are out of reach" : undefined;

  async function strike(invocation: { killed: boolean }, records: Records): Promise<void> {
    const number = (count.drawn += 1);
    const watched = number % 2 === 1 && options.committed !== undefined;
    const started = performance.now();
    try {
      // Looked up first: between commit and acknowledgement there is no time for it.
      const workers = async () => (await options.workers?.(functionName)) ?? [];
      let pids = await workers();
      if (watched) await untilCommitted(invocation, records, options.committed);
      else {
        await sleep(Math.max(0, drawnMs(number) - (performance.now() - started)));
        pids = await workers();
      }
      if (!underWay.has(invocation)) return;
      count.struck += 1;
      firstKill ??= performance.now();
      for (const pid of pids) end(pid);
      for (const each of underWay) each.killed = true;
    } catch (error) {
      impossible ??= messageOf(error);
    }
  }

  function drawnMs(number: number): number {
    const duration = durations[Math.floor(draw(seed, 'duration', number) * durations.length)] ?? 0;
    return duration * draw(seed, 'kill', number);
  }

  async function untilCommitted(
    invocation: { killed: boolean },
    records: Records,
    committed: NonNullable<KillsOptions['committed']>,
  ): Promise<void> {
    while (underWay.has(invocation) && (await committed(records)) === 0) await sleep(watchEveryMs);
  }

  return {
    wanted: share > 0,
    get killed() {
      return count.killed;
    },
    get afterCommit() {
      return options.committed === undefined ? undefined : count.afterCommit;
    },
    get inWake() {
      return count.inWake;
    },
    get backAt() {
      return backAt;
    },
    get impossible() {
      return impossible;
    },
    onStart({ functionName: name, records }) {
      if (name !== functionName || share === 0) return undefined;
      const fresh = records.filter(isFirstDelivery).length;
      count.messages += fresh;
      const invocation = { killed: false };
      underWay.add(invocation);
      const due = Math.floor(count.messages * share);
      const planned =
        impossible === undefined &&
        fresh > 0 &&
        durations.length > 0 &&
        (firstKill === undefined || performance.now() - firstKill < withinMs) &&
        count.killed + count.planned < due;
      if (planned) {
        count.planned += 1;
        void strike(invocation, records);
      }
      return ({ outcome, durationMs, logTail }) => {
        underWay.delete(invocation);
        if (planned) count.planned -= 1;
        if (!invocation.killed && outcome === 'error' && count.struck > 0 && processEnded.test(logTail)) {
          count.inWake += 1;
          return;
        }
        if (!(invocation.killed && outcome === 'error')) {
          durations.push(durationMs);
          if (durations.length > remembered) durations.shift();
          return;
        }
        count.killed += 1;
        backAt = Date.now() - durationMs + hiddenSeconds * 1000;
        if (options.committed === undefined) return;
        const asking = options
          .committed(records)
          .then((committed) => void (count.afterCommit += committed > 0 ? 1 : 0))
          // A target that is gone is reported by everything else.
          .catch(() => undefined)
          .finally(() => asked.delete(asking));
        asked.add(asking);
      };
    },
    async settled() {
      await Promise.all(asked);
    },
  };
}

/** For the progress of a run: what it waits for, if it does. */
export function waitInWords({ backAt }: Kills, now = Date.now()): string {
  const seconds = Math.ceil(((backAt ?? 0) - now) / 1000);
  return seconds > 0 ? `${seconds} s until what a killed function held comes back, ` : '';
}

/** Below this many kills after the commit, a run has not shown that they are survived (R42). */
const conclusive = 5;

/**
 * For the report. Empty when nothing was to be killed.
 *
 * @param proves whether the run is to show that kills are survived, and says when there were too few
 */
export function killsInWords(
  { wanted, killed, afterCommit, inWake, impossible }: Kills,
  proves = true,
): string[] {
  if (!wanted) return [];
  if (impossible !== undefined) return [`kills: skipped, ${impossible}`];
  const all = `kills: ${grouped(killed)} invocations killed`;
  const words =
    afterCommit === undefined
      ? all
      : `${all}, ${grouped(afterCommit)} of them between commit and acknowledgement`;
  const wake = inWake > 0 ? `, ${grouped(inWake)} more failed in their wake` : '';
  const doubt =
    proves && afterCommit !== undefined && afterCommit < conclusive
      ? `: not conclusive, ${conclusive} are needed; send more with --messages`
      : '';
  return [`${words}${wake}${doubt}`];
}

export function isFirstDelivery({ attributes }: Records[number]): boolean {
  return attributes['ApproximateReceiveCount'] === '1';
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
