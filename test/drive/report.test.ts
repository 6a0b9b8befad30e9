import { jsonReport, type PathReport, type RunReport, textReport, verdictOf } from '../../drive/report.js';

const path: PathReport = {
  ...{ name: 'payments', verdict: 'exactly-once', sent: 1000, retries: 107, delivered: 1052, suppressed: 52 },
  ...{
    effects: 1000,
    lost: 0,
    doubled: 0,
    dead: 0,
    parked: 0,
    wruPerMessage: 8.0412,
    findings: [],
    notes: ['faults: none'],
  },
  cents: { expected: 3_421_123n, payments: 3_421_123n, accounts: 3_421_123n, shop: 3_421_123n },
};
const report: RunReport = {
  ...{ target: 'embedded', seed: 1, paths: [path], memoryMiB: 210 },
  ...{ seconds: { setUp: 41.23, traffic: 20.01, tail: 3.5 } },
};
const violated: PathReport = {
  ...path,
  name: 'other',
  verdict: 'violated',
  doubled: 3,
  findings: ['3 payments acted twice'],
};

test('the JSON object has exactly the promised fields', () => {
  expect(jsonReport(report)).toBe(
    '{"target":"embedded","seed":1,"verdict":"exactly-once","paths":[{"name":"payments","sent":1000,"retries":107,' +
      '"delivered":1052,"suppressed":52,"effects":1000,"lost":0,"doubled":0,"dead":0,"parked":0,"wruPerMessage":8.04}]}',
  );
});

test('what a target does not tell of its invocations is not counted, and never 0', () => {
  const unseen = { ...path, delivered: undefined, suppressed: undefined, wruPerMessage: undefined };
  const { paths } = JSON.parse(jsonReport({ ...report, paths: [unseen] })) as { paths: unknown[] };
  expect(paths[0]).toMatchObject({ sent: 1000, delivered: null, suppressed: null, wruPerMessage: null });
  const text = textReport({ ...report, paths: [unseen] });
  for (const label of ['delivered', 'duplicates suppressed', 'WRU per message'])
    expect(text).toMatch(new RegExp(`^${label} +not counted$`, 'm'));
  expect(text).toMatch(/^effects +1,000$/m);
});

test.each<[string, Partial<PathReport>]>([
  ['effects that are no number', { effects: Number.NaN }],
  ['write units that are no number', { wruPerMessage: Number.NaN }],
  ['a finding beside its verdict', { findings: ['1 payment acted twice'] }],
  ['nothing that acted', { effects: 0 }],
  ['nothing that was sent', { sent: 0 }],
  ['a lost one', { lost: 1 }],
  ['a doubled one', { doubled: 1 }],
])('a path with %s violates the run', (_, planted) => {
  expect(verdictOf({ ...report, paths: [path, { ...path, ...planted }] })).toBe('violated');
});

test('a run without paths has shown nothing', () => {
  expect(verdictOf({ ...report, paths: [] })).toBe('violated');
});

test('one violated path violates the run', () => {
  expect(verdictOf(report)).toBe('exactly-once');
  expect(verdictOf({ ...report, paths: [path, violated] })).toBe('violated');
});

test('the table has a column per path, and says what was found and where the time went', () => {
  const lines = textReport({ ...report, paths: [path, violated] }).split('\n');
  expect(lines).toContain('                         payments      other');
  expect(lines).toContain('delivered                   1,052      1,052');
  expect(lines).toContain('doubled                         0          3');
  expect(lines).toContain('WRU per message              8.04       8.04');
  expect(lines).toContain('cents off the accounts  3,421,123  3,421,123');
  expect(lines).toContain(
    'time: set-up 41.2 s, traffic 20.0 s, tail 3.5 s; memory of the driver 210 MiB at most',
  );
  expect(lines).toContain('target embedded, seed 1: violated');
  expect(lines).toContain('other: 3 payments acted twice');
  expect(lines).toContain('payments: faults: none');
});

test('a path that moves no money has no cents', () => {
  const lines = textReport({ ...report, paths: [path, { ...violated, cents: undefined }] }).split('\n');
  expect(lines).toContain('cents off the accounts  3,421,123');
});

describe('side by side with what is not protected', () => {
  const none = { customers: 0, cents: 0n };
  const compared: RunReport = {
    ...report,
    paths: [
      { ...path, sent: 100, charges: { tooMuch: none, tooLittle: none } },
      {
        ...violated,
        comparison: true,
        charges: { tooMuch: { customers: 9, cents: 28_816n }, tooLittle: { customers: 1, cents: 5n } },
      },
    ],
  };

  test('it says first, in money, what the difference is', () => {
    const [, first, second, third] = textReport(compared).split('\n');
    expect(first).toMatch(/^100 purchases\./);
    expect(second).toBe(
      '  without protection: 9 customers were charged $288.16 too much, 1 customer was charged $0.05 too little.',
    );
    expect(third).toBe('  with exactly-once-aws: every customer was charged to the cent.');
  });

  test('what is there for comparison violates nothing, and its findings are not told as faults', () => {
    expect(verdictOf(compared)).toBe('exactly-once');
    expect(textReport(compared)).not.toMatch('acted twice');
    expect(verdictOf({ ...compared, paths: compared.paths.slice(1) })).toBe('violated');
  });

  test('the JSON object has both sides', () => {
    expect(JSON.parse(jsonReport(compared))).toMatchObject({
      comparison: {
        protected: { tooMuch: { customers: 0, cents: 0 } },
        unprotected: { tooMuch: { customers: 9, cents: 28_816 }, tooLittle: { customers: 1, cents: 5 } },
      },
    });
  });
});
