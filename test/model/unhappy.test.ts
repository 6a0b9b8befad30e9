import { reportFigures } from '../fixtures/proof-report.js';
import { findViolation } from './check.js';
import { installModelTime } from './model-time.js';
import { ways } from './scenario.js';
import { Tally } from './tally.js';
import { unhappyKinds } from './unhappy.js';

// Of the faults that the model makes, thousands would be told.
jest.mock('../../runtime/telemetry/log-line.js', () => ({ logLine: () => undefined }));
jest.mock('../../runtime/dedup/sleep.js', () => jest.requireActual<object>('./model-time.js'));

const seed = Number(process.env.MODEL_SEED ?? 1);
const only = process.env.MODEL_WAY;
/** Of every way and kind. */
const runs = Math.ceil(Number(process.env.PROOF_RUNS ?? 1_940) / unhappyKinds.length);
const timeoutMs = Math.max(600_000, 1_000 * runs);

let restore: () => void;
beforeAll(() => {
  restore = installModelTime();
});
afterAll(() => restore());

const cases = ways
  .filter((way) => only === undefined || way === only)
  .flatMap((way) => unhappyKinds.map((kind) => [kind, way] as const))
  // Only transactions have `tx.once`.
  .filter(([kind, way]) => kind !== 'once' || way === 'transaction');

/** The unhappy half: see README.md for what each kind does and what must hold. */
test.each(cases)(
  'with %s, nothing is lost, doubled, out of order or blamed on the wrong message (%s way)',
  async (kind, way) => {
    const tally = new Tally();
    // A megabyte takes its time.
    const share = kind === 'sizes' ? Math.ceil(runs / 4) : runs;
    const found = await findViolation(way, { runs: share, seed }, tally, false, kind);
    reportFigures(`${way} way, ${kind}`, { interleavings: share, seed, happened: tally.entries });
    expect(found?.report).toBeUndefined();
  },
  timeoutMs,
);
