import * as fc from 'fast-check';
import { run } from './run.js';
import { scenarios, type Scenario, type WayName } from './scenario.js';
import { Tally } from './tally.js';
import { unhappyScenarios, type UnhappyKind } from './unhappy.js';
import { Violation } from './violation.js';

export interface Budget {
  readonly runs: number;
  readonly seed: number;
  /** Replays one case, as a failure has printed it. */
  readonly path?: string;
}

export interface Finding {
  /** Runs until the violation came. */
  readonly runs: number;
  readonly violation: string;
  /** What to say about it: the smallest case, how to replay it, and what happened in it. */
  readonly report: string;
}

/**
 * Runs scenarios of one way until one breaks a guarantee.
 *
 * @param shrink whether a violation is made as small as possible. @default true
 * @returns undefined when none did.
 */
export async function findViolation(
  way: WayName,
  budget: Budget,
  tally: Tally,
  shrink = true,
  unhappy?: UnhappyKind | 'all',
): Promise<Finding | undefined> {
  const drawn = unhappy === undefined ? scenarios(way) : unhappyScenarios(way, unhappy, scenarios(way));
  const { runs: numRuns, seed, path } = budget;
  const property = fc.asyncProperty(drawn, async (scenario) => run(scenario, { tally }));
  const { stackTraceLimit } = Error;
  // Refused conditions are thrown by the thousand, and nobody looks at their stacks.
  Error.stackTraceLimit = 0;
  const details = await fc.check(property, { numRuns, seed, path, endOnFailure: !shrink });
  Error.stackTraceLimit = stackTraceLimit;
  if (!details.failed) return undefined;
  const [scenario] = details.counterexample ?? [];
  const violation = scenario === undefined ? undefined : await again(scenario);
  const first = violation?.message ?? String(details.errorInstance);
  const report = [
    first,
    `replay: ${unhappy === undefined ? '' : `MODEL_UNHAPPY=${unhappy} `}MODEL_WAY=${way} MODEL_SEED=${seed} MODEL_PATH=${details.counterexamplePath} (see docs/prove.md)`,
    JSON.stringify(scenario),
    ...(violation instanceof Violation
      ? beginning(violation.trace)
      : [violation?.stack ?? 'it does not happen again']),
  ].join('\n');
  return { runs: details.numRuns, violation: first, report };
}

/**
 * Runs scenarios of one kind of the unhappy half and counts what they break, by what it is and not by whom it hits.
 * Nothing is made smaller: the first case of each is named by its path, which replays it.
 */
export async function census(
  way: WayName,
  kind: UnhappyKind | 'all',
  { runs, seed }: Budget,
  tally: Tally,
): Promise<Record<string, { count: number; path: string }>> {
  const found: Record<string, { count: number; path: string }> = {};
  const drawn = fc.sample(unhappyScenarios(way, kind, scenarios(way)), { numRuns: runs, seed });
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  for (const [i, scenario] of drawn.entries())
    try {
      await run(scenario, { tally });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      const what = anonymous(error.message);
      found[what] = { count: (found[what]?.count ?? 0) + 1, path: found[what]?.path ?? String(i) };
    }
  Error.stackTraceLimit = stackTraceLimit;
  return found;
}

/** Without tokens, keys and figures. */
function anonymous(violation: string): string {
  return violation
    .replace(/m\d+:\d+( or m\d+:\d+)*/g, 'a message')
    .replace(/f\d+\/[^ ]*( a message)*/g, 'an invocation')
    .replace(/\bg\d+\b/g, 'a group')
    .replace(/ \((?=sound|poison|flaky|broken|reused|killer|near)([a-z-]+)[^)]*\)/, ' ($1)')
    .replace(/(stored|given) fingerprint .*/, '$1 fingerprint')
    .replace(/\d+/g, 'n')
    .replace(/: the process died.*?(\), and|$)/, '$1')
    .slice(0, 160);
}

/** The same run, with a line for everything that happens. */
async function again(scenario: Scenario): Promise<Error | undefined> {
  try {
    await run(scenario, { tally: new Tally(), traces: true });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** A run that cannot stop would fill the screen. */
function beginning(trace: readonly string[]): readonly string[] {
  const shown = 120;
  return trace.length <= shown ? trace : [...trace.slice(0, shown), `... and ${trace.length - shown} more`];
}
