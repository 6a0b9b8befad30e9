import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { textTable } from '../../targets/text-table.js';

const rows = [
  ['oldest', '7'],
  ['日本', '1,234'],
];
const options = { head: ['queue', 'waiting'], figures: new Set([1]) };

test.each([
  ['what is piped', { isTTY: false }],
  ['a narrow terminal', { isTTY: true, columns: 12 }],
])('%s gets plain columns, two spaces apart, and no trailing spaces', (_, screen) => {
  expect(textTable(rows, { ...options, screen }).split('\n')).toEqual([
    'queue   waiting',
    'oldest        7',
    // Each of the two takes two columns of a terminal.
    '日本      1,234',
  ]);
});

test('a terminal that is wide enough gets borders', () => {
  const lines = textTable(rows, { ...options, screen: { isTTY: true, columns: 80 } }).split('\n');
  expect(lines).toEqual([
    '┌────────┬─────────┐',
    '│ queue  │ waiting │',
    '├────────┼─────────┤',
    '│ oldest │       7 │',
    '│ 日本   │   1,234 │',
    '└────────┴─────────┘',
  ]);
});

test('without heads there is no line of them', () => {
  expect(textTable([['consumer', 'settlement']], { screen: {} })).toBe('consumer  settlement');
});

test('no table of commands, runs and proofs is padded by hand', () => {
  const allowed = [
    // The digits of an amount, and the names of bars.
    join('drive', 'input', 'input-line.ts'),
    // Keys of a certain length.
    join('cli', 'conformance', 'key-checks.ts'),
    join('drive', 'progress.ts'),
  ];
  const padded = ['bench', 'cli', 'drive', 'prove', 'targets', join('lib', 'prover')].flatMap((tree) =>
    readdirSync(join(packageRoot, tree), { recursive: true, encoding: 'utf8' })
      .map((file) => join(tree, file))
      .filter((file) => file.endsWith('.ts') && !allowed.includes(file))
      .filter((file) => /\.padEnd\(|console\.table/.test(readFileSync(join(packageRoot, file), 'utf8'))),
  );
  expect(padded).toEqual([]);
});
