import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Started, startCommandLine } from './command-line.js';

// A run ends by itself, also on a machine that is busy.
jest.setTimeout(900_000);

let run: Started | undefined;
afterEach(async () => {
  await run?.remove();
  run = undefined;
});

interface Output {
  readonly target: string;
  readonly verdict: string;
  readonly paths: readonly Record<string, number>[];
}

// The seed's faults are the same in every run: these have lost requests, lost answers and duplicates among them.
const traffic = ['--messages', '150', '--seed', '2', '--json'];

test('real purchases with faults and kills: every effect exactly once, and the target stays until it is told to stop', async () => {
  run = await startCommandLine(...traffic, '--keep');
  const [, endpoint] = await run.said(/kept: embedded at (\S+)/);
  expect((await fetch(`${endpoint}/_ministack/health`)).ok).toBe(true);
  const [, command = ''] = await run.said(/send a payment of your own:\n([^]*?)\nstop it with Ctrl-C/);
  // As printed, by a shell: who tries it out has nothing else.
  const sent = await promisify(execFile)('bash', ['-c', command]);
  expect(sent.stdout).toMatch(/^HTTP\/1.1 202 [^]*"paymentId":"my-1"/);
  run.interrupt();

  const { status, stdout, stderr } = await run.ended;
  // Otherwise nothing was shown.
  expect(stderr).toMatch(/suppressed, [1-9]\d* killed; activity .* [1-9]\d* killed;/);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  const { target, verdict, paths } = JSON.parse(stdout) as Output;
  expect({ status, target, verdict }).toEqual({ status: 0, target: 'embedded', verdict: 'exactly-once' });
  const [payments, activity] = paths;
  expect(activity).toMatchObject({
    ...{ name: 'activity', sent: 300, effects: 300, lost: 0, doubled: 0, dead: 0, parked: 0 },
  });
  expect(activity?.suppressed).toBeGreaterThan(2);
  expect(payments).toMatchObject({
    ...{ name: 'payments', sent: 150, effects: 150, lost: 0, doubled: 0, dead: 0, parked: 0 },
  });
  // Otherwise nothing was shown.
  expect(payments?.retries).toBeGreaterThan(5);
  expect(payments?.suppressed).toBeGreaterThan(2);
  expect(payments?.delivered).toBeGreaterThanOrEqual(150 + (payments?.suppressed ?? 0));
  expect(run.leftovers()).toEqual([]);
});

test('the same traffic without deduplication: doubles are counted, status 1', async () => {
  run = await startCommandLine(...traffic, '--unprotected', '--faults', 'answers,duplicates');
  const { status, stdout } = await run.ended;
  const { verdict, paths } = JSON.parse(stdout) as Output;
  expect({ status, verdict }).toEqual({ status: 1, verdict: 'violated' });
  const [payments, activity] = paths;
  expect(payments).toMatchObject({ sent: 150, effects: 150, lost: 0, suppressed: 0 });
  expect(payments?.doubled).toBeGreaterThan(2);
  expect(activity).toMatchObject({ sent: 300, effects: 300, lost: 0, suppressed: 0 });
  expect(activity?.doubled).toBeGreaterThan(2);
  expect(run.leftovers()).toEqual([]);
});

test('by default few purchases run side by side with an unprotected twin, which charges too much', async () => {
  run = await startCommandLine('--json');
  const { status, stdout } = await run.ended;
  const { verdict, paths, comparison } = JSON.parse(stdout) as Output & {
    comparison: Record<'protected' | 'unprotected', Record<'tooMuch' | 'tooLittle', { cents: number }>>;
  };
  expect({ status, verdict }).toEqual({ status: 0, verdict: 'exactly-once' });
  expect(paths.map(({ name, sent, lost }) => ({ name, sent, lost }))).toEqual([
    { name: 'payments', sent: 100, lost: 0 },
    { name: 'unprotected', sent: 100, lost: 0 },
  ]);
  const none = { customers: 0, cents: 0 };
  expect(comparison.protected).toEqual({ tooMuch: none, tooLittle: none });
  expect(comparison.unprotected.tooMuch.cents).toBeGreaterThan(0);
  expect(run.leftovers()).toEqual([]);
});
