import { reportFigures } from '../fixtures/proof-report.js';
import { census, findViolation } from './check.js';
import { installModelTime } from './model-time.js';
import { ways } from './scenario.js';
import { Tally } from './tally.js';
import { unhappyKinds, type UnhappyKind } from './unhappy.js';

// Of the faults that the model makes, thousands would be told.
jest.mock('../../runtime/telemetry/log-line.js', () => ({ logLine: () => undefined }));
jest.mock('../../runtime/dedup/sleep.js', () => jest.requireActual<object>('./model-time.js'));

const seed = Number(process.env.MODEL_SEED ?? 1);
const path = process.env.MODEL_PATH;
const only = process.env.MODEL_WAY;
/** A kind of the unhappy half, or `all`: README.md says which of them hold so far. @default - the happy half */
const unhappy = process.env.MODEL_UNHAPPY as UnhappyKind | 'all' | undefined;
/** Of every way; with those of unhappy.test.ts the small run has 10,000. */
const runs = Number(process.env.PROOF_RUNS ?? 1_700);
/** So that a machine with other work to do does not end it. */
const timeoutMs = Math.max(600_000, 1_000 * runs);

let restore: () => void;
beforeAll(() => {
  restore = installModelTime();
});
afterAll(() => restore());

/**
 * Random interleavings of duplicates, reorderings, crashes at every await, slow instances, lost answers, forgotten
 * tokens and stale caches over the real consumers, against a DynamoDB in this process that conflicts as AWS
 * documents, and an SQS beside it. A failure prints the smallest case and the environment variables that replay it.
 */
test.each(ways.filter((way) => only === undefined || way === only))(
  'in random interleavings of the %s way nothing is lost, doubled or out of order',
  async (way) => {
    const tally = new Tally();
    if (unhappy !== undefined) expect([...unhappyKinds, 'all']).toContain(unhappy);
    if (unhappy !== undefined && path === undefined) {
      const broken = await census(way, unhappy, { runs, seed }, tally);
      reportFigures(`${way} way`, { unhappy, interleavings: runs, seed, happened: tally.entries, broken });
      expect(broken).toEqual({});
      return;
    }
    const found = await findViolation(
      way,
      { runs, seed, path },
      tally,
      process.env.MODEL_SHRINK !== 'no',
      unhappy,
    );
    reportFigures(`${way} way`, { interleavings: runs, seed, happened: tally.entries });
    expect(found?.report).toBeUndefined();
  },
  timeoutMs,
);
