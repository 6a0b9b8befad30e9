import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from '../../../targets/package-root.js';

interface Row {
  rule: string;
  source: string;
  test: string;
}

function tableRows(): Row[] {
  const page = readFileSync(join(packageRoot, 'docs', 'targets', 'event-source.md'), 'utf8');
  return [...page.matchAll(/^\| (?!rule |---)(.+?) \| (.+?) \| `(.+?)` \|$/gm)].map((match) => ({
    rule: match[1]!,
    source: match[2]!,
    test: match[3]!,
  }));
}

function testNames(): string[] {
  return readdirSync(__dirname)
    .filter((file) => file.endsWith('.test.ts') && file !== basename(__filename))
    .flatMap((file) => [...readFileSync(join(__dirname, file), 'utf8').matchAll(/^test\('(.+?)',/gm)])
    .map((match) => match[1]!);
}

test('every rule of the page has its test and every test its rule', () => {
  const rows = tableRows();
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.map((row) => row.test).sort()).toEqual(testNames().sort());
});

test('every rule names its source', () => {
  for (const { rule, source } of tableRows()) {
    expect({ rule, source }).toEqual({
      rule: expect.stringMatching(/\S/),
      source: expect.stringMatching(
        /^(this project|\[[^\]]+\]\(https:\/\/(docs\.aws\.amazon\.com|repost\.aws)\/\S+\))$/,
      ),
    });
  }
});

test('no row is outside of the form that the other tests read', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'targets', 'event-source.md'), 'utf8');
  const lines = page.split('\n').filter((line) => line.startsWith('|'));
  // Two lines are the head.
  expect(tableRows()).toHaveLength(lines.length - 2);
});
