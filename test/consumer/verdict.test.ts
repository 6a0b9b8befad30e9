import type { Fault } from '../../runtime/dedup/errors.js';
import { verdictOf, type Failure, type Verdict } from '../../runtime/consumer/verdict.js';

const faults: readonly Fault[] = ['message', 'dependency', 'defect'];
const limits = [1, 2, 3, 4, 5, 6];

/**
 * All combinations, each with the last failure that is still counted at its limit, the one at it, and one far beyond
 * it.
 */
const failures: readonly Failure[] = faults.flatMap((fault) =>
  [false, true].flatMap((final) =>
    [false, true].flatMap((ahead) =>
      limits.flatMap((maxFailures) =>
        [...new Set([0, maxFailures - 2, maxFailures - 1, maxFailures, 50])]
          .filter((failed) => failed >= 0)
          .map((failed) => ({ fault, final, ahead, failed, maxFailures })),
      ),
    ),
  ),
);

const which = (matches: (failure: Failure) => boolean) =>
  failures.filter(matches).map((failure): [string, Failure] => [JSON.stringify(failure), failure]);

/** The whole of what is decided, each row for what no row above has decided. */
const rows: readonly [promise: string, verdict: Verdict, when: (failure: Failure) => boolean][] = [
  ['R47: ahead of an uncommitted predecessor nothing is a verdict', 'not-yet', ({ ahead }) => ahead],
  [
    "R44: a dependency's failure is never the message's, however often and however final it looks",
    'excuse',
    ({ ahead, fault }) => !ahead && fault === 'dependency',
  ],
  [
    'R44: what can never succeed is given up at once',
    'give-up',
    ({ ahead, fault, final }) => !ahead && fault !== 'dependency' && final,
  ],
  [
    'R19: the failure that reaches the limit is the last one',
    'give-up',
    ({ ahead, fault, final, failed, maxFailures }) =>
      !ahead && fault !== 'dependency' && !final && failed >= maxFailures - 1,
  ],
  [
    'R19: every failure before that is counted, and the message comes again',
    'count',
    ({ ahead, fault, final, failed, maxFailures }) =>
      !ahead && fault !== 'dependency' && !final && failed < maxFailures - 1,
  ],
];

test('every combination of what is known is in exactly one row', () => {
  for (const failure of failures) expect(rows.filter(([, , when]) => when(failure))).toHaveLength(1);
  expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(failures.length);
  expect(failures.length).toBeGreaterThan(250);
});

describe.each(rows)('%s', (_, verdict, when) => {
  test.each(which(when))('%s', (_text, failure) => expect(verdictOf(failure)).toBe(verdict));
});
