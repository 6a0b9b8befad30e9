import { type Started, startCommandLine } from './command-line.js';

/** Each test waits for what happens, and ends when it has: how long that takes is the machine's affair. */
jest.setTimeout(900_000);

let run: Started | undefined;
afterEach(async () => {
  await run?.remove();
  run = undefined;
});

test.each([
  [['--frobnicate'], "unknown option '--frobnicate'"],
  [['--messages', '0'], 'Allowed are 1 to 69659, or all'],
  [['--messages', '69660'], 'allowed are 1 to 69659, or all'],
  [['--messages', '1.5', '--json'], 'Allowed are 1 to 69659, or all'],
  [['--messages'], 'argument missing'],
  [['--seed', '-1'], 'Allowed are whole numbers from 0 on'],
  [['--faults', 'some'], 'Allowed are none, all, or a list of requests,answers,duplicates,kill,throttle'],
  [['--faults', 'kill,'], 'Allowed are none, all'],
  [['--on-bad-line', 'stop'], 'Allowed choices are skip, fail'],
  [['surplus'], 'too many arguments'],
])('%j: status 2, one sentence on standard error, nothing on standard output', async (args, problem) => {
  run = await startCommandLine(...args);
  const { status, stdout, stderr } = await run.ended;
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(problem);
  expect(stderr).toMatch(/^could not run: [^\n]+: see npm start -- --help\n$/);
});

test('--help says the flags and the statuses, and is no failure', async () => {
  run = await startCommandLine('--help');
  const { status, stdout } = await run.ended;
  expect(status).toBe(0);
  for (const flag of [
    '--input',
    '--on-bad-line',
    '--messages',
    '--seed',
    '--faults',
    '--json',
    '--keep',
    '--unprotected',
    'Status: 0',
  ])
    expect(stdout).toContain(flag);
});

describe('Ctrl-C ends it at once and leaves no process and no folder', () => {
  test.each([
    ['while the emulator starts', /starting the emulator/],
    ['while the stack is synthesized', /emulator ready/],
    ['while the stack is deployed', /synth: /],
    ['while payments are sent and functions killed', /traffic: /],
  ])('%s', async (_, moment) => {
    run = await startCommandLine();
    await run.said(moment);
    run.interrupt();
    const { status, stdout, stderr } = await run.ended;
    expect(status).toBe(130);
    expect(stdout).toBe('');
    expect(stderr).toContain('stopped by SIGINT');
    expect(run.leftovers()).toEqual([]);
  });
});
