import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rules } from '../../lib/prover/rules.js';

const file = join(__dirname, '../../docs/prover.md');

const table = [
  '| id | finding | what has to be so |',
  '| --- | --- | --- |',
  ...Object.entries(rules).map(
    ([id, { level, says, page }]) => `| ${id} | ${level} | ${says} ([source](${page})) |`,
  ),
].join('\n');

/** `UPDATE_DOCS=1` writes the table. */
test('docs/prover.md lists every rule with its page', () => {
  const page = readFileSync(file, 'utf8');
  const next = page.replace(
    /<!-- rules -->[^]*<!-- \/rules -->/,
    () => `<!-- rules -->\n\n${table}\n\n<!-- /rules -->`,
  );
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, next);
  expect(readFileSync(file, 'utf8')).toBe(next);
});
