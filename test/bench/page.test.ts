import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withReport } from '../../bench/docs.js';
import { committedResults } from '../../bench/results.js';

test('docs/bench.md says what the committed results say; else run npm run bench -- --docs', async () => {
  const page = await readFile(join(__dirname, '../../docs/bench.md'), 'utf8');
  expect(page).toBe(withReport(page, await committedResults()));
});

test('every committed result says on what it was measured and what it does not measure', async () => {
  for (const [name, result] of await committedResults()) {
    expect(result.name).toBe(name);
    expect(result.runs).toBeGreaterThanOrEqual(5);
    expect(result.notMeasured).not.toEqual([]);
    expect(result.machine.cores).toBeGreaterThan(0);
    expect(Object.keys(result.versions)).toContain('@aws-lambda-powertools/idempotency');
    for (const row of result.rows) if (result.faults === undefined) expect(row.spread).toBeDefined();
  }
});
