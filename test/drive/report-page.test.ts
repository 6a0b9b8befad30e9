import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportPage } from '../../drive/html/report-page.js';
import { writeReport } from '../../drive/html/write-report.js';
import type { PathReport, RunReport } from '../../drive/report.js';

const nobody = { customers: 0, cents: 0n };
const own: PathReport = {
  ...{ name: 'payments', verdict: 'exactly-once', sent: 100, retries: 12, delivered: 111, suppressed: 7 },
  ...{ effects: 100, lost: 0, doubled: 0, dead: 0, parked: 0, wruPerMessage: 8, killed: 3 },
  ...{ findings: [], notes: ['faults: <none> & "none"'], charges: { tooMuch: nobody, tooLittle: nobody } },
};
const twin: PathReport = {
  ...own,
  ...{ name: 'unprotected', verdict: 'violated', comparison: true, doubled: 9 },
  charges: { tooMuch: { customers: 9, cents: 28_816n }, tooLittle: nobody },
};
const report: RunReport = {
  ...{ target: 'embedded', seed: 1, paths: [own, twin], memoryMiB: 210 },
  seconds: { setUp: 41.2, traffic: 20, tail: 23.5 },
};

test('the page says in words and money what the difference is, and every plot can be heard', () => {
  const page = reportPage(report);
  expect(page).toContain('9 customers were charged $288.16 too much');
  const heard = [...page.matchAll(/aria-label="([^"]+)"/g)].map(([, label]) => label);
  expect(heard).toEqual([
    expect.stringContaining('protected, too much: $0.00, 0 customers; protected, too little'),
    expect.stringContaining(
      'payments: lost: 0; payments: doubled: 0; unprotected: lost: 0; unprotected: doubled: 9',
    ),
    expect.stringContaining('payments: functions killed: 3; payments: duplicates suppressed: 7'),
    'Time. set-up: 41.2 s; traffic: 20.0 s; until all was drained: 23.5 s',
  ]);
  expect(heard[0]).toContain('unprotected, too much: $288.16, 9 customers');
});

test('the page loads nothing, runs no script, and text is no markup', () => {
  const page = reportPage(report);
  expect(page).not.toMatch(/<script|<link|<img|\ssrc=|href=|url\(|@import/i);
  expect(page).toContain("default-src 'none'");
  expect(page).toContain('faults: &lt;none&gt; &amp; &quot;none&quot;');
  expect(page).toContain('prefers-color-scheme:dark');
});

test('a run without comparison has no plot of money', () => {
  const alone = { ...own, charges: undefined };
  expect(reportPage({ ...report, paths: [alone] })).not.toContain('Money that is wrong');
});

test('the page is written into a folder that is made', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'report-'));
  try {
    const file = await writeReport(join(parent, 'a', 'b'), report);
    expect(file).toBe(join(parent, 'a', 'b', 'report.html'));
    expect(readFileSync(file, 'utf8')).toBe(reportPage(report));
  } finally {
    rmSync(parent, { recursive: true });
  }
});
