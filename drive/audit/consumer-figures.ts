import type { Target } from '../../targets/target.js';
import type { PathFigures } from '../report.js';

/** What the event-source runner tells of one invocation, as far as it is counted here. */
export interface InvocationRecord {
  readonly functionName: string;
  readonly records: number;
  /** Why the batch failed as a whole. */
  readonly functionError?: string;
  readonly logTail: string;
}

/** What one function's invocations add up to. Figures for the report: the verdict rests on the audit alone. */
export interface ConsumerFigures {
  /** Records handed to the function, repeated deliveries included. */
  delivered: number;
  /** Records the consumer recognised as duplicates. */
  suppressed: number;
  /** DynamoDB write units the consumer was charged, cancelled transactions excluded. */
  writeUnits: number;
  /** Invocations that ended by themselves. */
  completed: number;
  /** Batch lines found in the logs: with fewer than `completed`, the two figures above are too low. */
  reported: number;
  /** How often invocations failed as a whole, by reason. */
  readonly failures: Map<string, number>;
}

/** Lambda says it in the log: as a function error it is `Unhandled`, like an uncaught error. */
const timedOut = /Task timed out after [\d.]+ seconds\s*$/;

/** Adds up invocations of `functionName`; those of other functions are left out. */
export function consumerFigures(functionName: string): ConsumerFigures & {
  add: (invocation: InvocationRecord) => void;
} {
  const figures = {
    ...{ delivered: 0, suppressed: 0, writeUnits: 0, completed: 0, reported: 0 },
    failures: new Map<string, number>(),
    add({ functionName: name, records, functionError, logTail }: InvocationRecord) {
      if (name !== functionName) return;
      figures.delivered += records;
      if (functionError === undefined) figures.completed += 1;
      else {
        const reason = timedOut.test(logTail) ? 'timed out' : functionError;
        figures.failures.set(reason, (figures.failures.get(reason) ?? 0) + 1);
      }
      for (const { duplicate, writeUnits } of batchLines(logTail)) {
        figures.reported += 1;
        figures.suppressed += duplicate;
        figures.writeUnits += writeUnits;
      }
    },
  };
  return figures;
}

/**
 * The figures as a report has them. A target that polls by itself tells nothing of its invocations: 0 would be wrong.
 *
 * @param sent messages, each counted once
 */
export function reportedFigures(
  { delivered, suppressed, writeUnits }: ConsumerFigures,
  { polls }: Pick<Target, 'polls'>,
  sent: number,
): Pick<PathFigures, 'delivered' | 'suppressed' | 'wruPerMessage'> {
  if (polls === 'target') return { delivered: undefined, suppressed: undefined, wruPerMessage: undefined };
  return { delivered, suppressed, wruPerMessage: writeUnits / sent };
}

/**
 * Invocations that failed as a whole without being killed, by reason, and whether figures are missing.
 *
 * @param killed how many were, or failed in the wake of a kill, which the emulator reports as failed and without
 *   figures
 */
export function failuresInWords(figures: ConsumerFigures, killed: number): string[] {
  const failed = [...figures.failures].reduce((sum, [, count]) => sum + count, 0);
  const unreported = figures.completed - figures.reported;
  return [
    ...(failed > killed
      ? [
          `${failed - killed} more invocations failed (all: ${[...figures.failures].map(([reason, count]) => `${count} ${reason}`).join(', ')})`,
        ]
      : []),
    ...(unreported > 0
      ? [`${unreported} invocations printed no figures: suppressed and WRU lack theirs`]
      : []),
  ];
}

/**
 * All batch lines in a log, in general one. The emulator hands a line that came late to the worker's next invocation.
 * Lambda's text format puts time and request id before what was printed.
 */
function batchLines(log: string): { duplicate: number; writeUnits: number }[] {
  return log.split('\n').flatMap((line) => {
    const start = line.indexOf('{"exactlyOnce":"batch"');
    if (start < 0) return [];
    try {
      const { duplicate, writeUnits } = JSON.parse(line.slice(start)) as Record<string, unknown>;
      return typeof duplicate === 'number' && typeof writeUnits === 'number'
        ? [{ duplicate, writeUnits }]
        : [];
    } catch {
      // Cut off by the 4 KB that Lambda returns of a log.
      return [];
    }
  });
}
