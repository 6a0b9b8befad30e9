import { decisions as verdicts, type Failure, type Verdict } from '../../runtime/consumer/verdict.js';
import { conditions } from '../../runtime/dynamodb/conditions.js';
import { decisions as reasons, type Decision } from '../../runtime/dynamodb/decisions.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { findViolation } from './check.js';
import { activate, decisionIds, leaseIds } from './decision-mutants.js';
import { installModelTime } from './model-time.js';
import { ways, type WayName } from './scenario.js';
import type * as DecisionMutants from './decision-mutants.js';
import { Tally } from './tally.js';
import type { UnhappyKind } from './unhappy.js';

// Of the faults that the model makes, thousands would be told.
jest.mock('../../runtime/telemetry/log-line.js', () => ({ logLine: () => undefined }));
jest.mock('../../runtime/dedup/sleep.js', () => jest.requireActual<object>('./model-time.js'));
jest.mock('../../runtime/dynamodb/receipt.js', () =>
  mutants().mutatedReceipt(jest.requireActual('../../runtime/dynamodb/receipt.js')),
);
jest.mock('../../runtime/dynamodb/receipt-verdict.js', () =>
  mutants().mutatedVerdict(jest.requireActual('../../runtime/dynamodb/receipt-verdict.js')),
);
jest.mock('../../runtime/dynamodb/aggregate-item.js', () =>
  mutants().mutatedAggregateItem(jest.requireActual('../../runtime/dynamodb/aggregate-item.js')),
);
jest.mock('../../runtime/dedup/fold.js', () =>
  mutants().mutatedFold(jest.requireActual('../../runtime/dedup/fold.js')),
);
jest.mock('../../runtime/dedup/ledger.js', () =>
  mutants().mutatedLedger(jest.requireActual('../../runtime/dedup/ledger.js')),
);
jest.mock('../../runtime/sqs/delivery.js', () =>
  mutants().mutatedDelivery(jest.requireActual('../../runtime/sqs/delivery.js')),
);
jest.mock('../../runtime/sqs/failing.js', () =>
  mutants().mutatedDeadLetter(jest.requireActual('../../runtime/sqs/failing.js')),
);
jest.mock('../../runtime/dynamodb/commit-attempt.js', () =>
  mutants().mutatedAttempt(jest.requireActual('../../runtime/dynamodb/commit-attempt.js')),
);
jest.mock('../../runtime/dynamodb/write.js', () =>
  mutants().mutatedWrite(jest.requireActual('../../runtime/dynamodb/write.js')),
);
jest.mock('../../runtime/consumer/company.js', () =>
  mutants().mutatedCompany(jest.requireActual('../../runtime/consumer/company.js')),
);
jest.mock('../../runtime/dedup/lease-decision.js', () =>
  mutants().mutatedLease(jest.requireActual('../../runtime/dedup/lease-decision.js')),
);
jest.mock('../../runtime/dynamodb/pack.js', () =>
  mutants().mutatedPack(jest.requireActual('../../runtime/dynamodb/pack.js')),
);

/** A declaration, because the factories above run before anything else in this file. */
function mutants(): typeof DecisionMutants {
  return jest.requireActual('./decision-mutants.js');
}

const runs = Number(process.env.PROOF_RUNS ?? 12_000);
const seed = Number(process.env.MODEL_SEED ?? 1);
let restore: () => void;
beforeAll(() => {
  restore = installModelTime();
});
afterAll(() => restore());
afterEach(() => activate(undefined));

/** Interleavings until a mutant was noticed, and by what. */
const killed: Record<string, string> = {};
const chunk = 100;

/** @param kind of the unhappy half. @default - the happy half */
const find = async (kind?: UnhappyKind) => findIn(ways, [kind]);

/** Where a mutant of the happy half is looked for: in the way whose it is, else in each. */
const homes: readonly (readonly [RegExp, readonly WayName[]])[] = [
  [/aggregate|reducer|parked/, ['aggregate']],
  [/^(receipt|attribute)/, ['transaction']],
];
const findAtHome = async (id: string) =>
  findIn(homes.find(([names]) => names.test(id))?.[1] ?? ways, [undefined]);

/** @param kinds of the unhappy half, or the happy half: in turn, until one notices. */
async function findIn(
  some: readonly WayName[],
  kinds: readonly (UnhappyKind | undefined)[],
): Promise<{ runs: number; violation: string } | undefined> {
  let n = 0;
  for (let i = 0; i < runs; i++)
    for (const kind of kinds)
      for (const way of some) {
        const f = await findViolation(way, { runs: chunk, seed: seed + i }, new Tally(), false, kind);
        if (f !== undefined) return { runs: n + f.runs, violation: f.violation };
        n += chunk;
      }
  return undefined;
}

test.each(Object.keys(conditions) as (keyof typeof conditions)[])(
  'condition %s',
  async (id) => {
    const original = conditions[id];
    conditions[id] = `((${original}) OR NOT (${original}))`;
    try {
      const f = await findAtHome(id);
      killed[id] = `${f?.runs}: ${f?.violation}`;
      expect(f).toBeDefined();
    } finally {
      conditions[id] = original;
    }
  },
  600_000,
);
test.each(decisionIds)(
  'decision %s',
  async (id) => {
    activate(id);
    const f = await findAtHome(id);
    killed[id] = `${f?.runs}: ${f?.violation}`;
    expect(f).toBeDefined();
  },
  600_000,
);
type Turned = (failure: Failure) => Verdict | undefined;
/** Decisions over a failure, each turned, and the kind that notices. Each row of the table has its mutant. */
const turnedVerdicts: Record<keyof typeof verdicts, readonly [UnhappyKind, Turned]> = {
  aheadIsNoVerdict: ['reads', () => undefined],
  dependencyIsExcused: ['throttled', () => undefined],
  finalIsGivenUp: ['failures', ({ final }) => (final ? 'excuse' : undefined)],
  tooOftenIsGivenUp: [
    'failures',
    ({ failed, maxFailures }) => (failed + 2 >= maxFailures ? 'give-up' : undefined),
  ],
};
test.each(Object.keys(verdicts) as (keyof typeof verdicts)[])(
  'verdict %s',
  async (name) => {
    const table: Record<string, Turned> = verdicts;
    const original: Turned = verdicts[name];
    const [kind, turned] = turnedVerdicts[name];
    table[name] = turned;
    try {
      // Only handlers of transactions read.
      const f = await findIn(kind === 'reads' ? ['transaction'] : ways, [kind]);
      killed[name] = `${f?.runs}: ${f?.violation}`;
      expect(f).toBeDefined();
    } finally {
      table[name] = original;
    }
  },
  600_000,
);
test.each(['nobody is ever called dead', 'suspects are always started all together'] as const)(
  'company %s',
  async (id) => {
    activate(id);
    const f = await find('killers');
    killed[id] = `${f?.runs}: ${f?.violation}`;
    expect(f).toBeDefined();
  },
  600_000,
);
test.each(leaseIds)(
  'lease %s',
  async (id) => {
    activate(id);
    const f = await findIn(['transaction'], ['once']);
    killed[id] = `${f?.runs}: ${f?.violation}`;
    expect(f).toBeDefined();
  },
  600_000,
);
/** The other cells of the table are turned, one by one, in test/dynamodb/decisions.test.ts: README.md says why. */
const turnedReasons: readonly (readonly [reason: 'fine' | 'condition', Decision])[] = [
  ['fine', 'refuse'],
  ['condition', 'innocent'],
];
test.each(turnedReasons)(
  'reason receipt %s',
  async (reason, wrong) => {
    const row = reasons.receipt;
    const original = row[reason];
    row[reason] = wrong;
    try {
      const f = await findIn(['transaction'], [undefined, 'failures']);
      killed[`receipt ${reason}`] = `${f?.runs}: ${f?.violation}`;
      expect(f).toBeDefined();
    } finally {
      row[reason] = original;
    }
  },
  600_000,
);
afterAll(() => reportFigures('mutants killed', { seed, killed }));
