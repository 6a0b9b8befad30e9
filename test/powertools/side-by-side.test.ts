import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newTable } from '../fixtures/dynamo.js';
import { batches } from './batches.js';
import { requests } from './requests.js';
import type { Found, Scenario, Side } from './scenario.js';
import { newPay, SideBySide } from './side-by-side.js';
import { wrappers } from './wrappers.js';

let both: SideBySide;
beforeAll(async () => {
  const { client } = new SideBySide({} as never, {} as never);
  both = new SideBySide(await newTable(client, 'id'), await newTable(client, 'name'));
  client.destroy();
});
afterAll(() => both.client.destroy());

const scenarios: readonly Scenario[] = [...requests, ...wrappers, ...batches];

/** What was reported and has no effects that could be counted. */
const notPlayed = ['TS 419', 'TS 2076'];

async function played(side: Side): Promise<Found> {
  const pay = newPay();
  const told = await side(both, pay);
  return { told, effects: await both.effects(pay.name) };
}

test.each(scenarios)('$what', async ({ theirs, ours, found }) => {
  const results = { theirs: await played(theirs), ours: await played(ours) };
  expect(results).toEqual(found);
});

const page = readFileSync(join(__dirname, '../../docs/powertools.md'), 'utf8');

test('docs/powertools.md has the table of what was counted, and no other', () => {
  const table = page.slice(page.indexOf('## Side by side'), page.indexOf('## The layer'));
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (---|what happens)/.test(line));
  expect(rows).toEqual([
    ...scenarios.map(
      ({ what, reported, found }) =>
        `| ${what} | ${cell(found.theirs)} | ${cell(found.ours)} | ${reported.map(issue).join(', ')} |`,
    ),
    ...notPlayed.map(
      (id) => expect.stringMatching(new RegExp(`^\\| .* \\| not played .* ${issue(id)} \\|$`)) as string,
    ),
  ]);
});

test('26 reports of its users are in it', () => {
  const issues = [...scenarios.flatMap(({ reported }) => reported), ...notPlayed].filter((id) =>
    /\d{2}$/.test(id),
  );
  expect(new Set(issues).size).toBe(issues.length);
  expect(issues).toHaveLength(26);
});

test('no scenario has more effects here than were asked for, and none is lost', () => {
  const asked = new Map([
    [3, 'with another key'],
    [10, '10 keys'],
    [2, 'two messages'],
    [0, 'without a key'],
  ]);
  for (const { what, found } of scenarios)
    expect([what, found.ours.effects]).toEqual([
      what,
      [...asked].find(([, part]) => what.includes(part))?.[0] ?? 1,
    ]);
});

function cell({ effects, told }: Found): string {
  return `${effects}: ${told.map((one) => one.replace(/^(\d* ?)Idempotency/, '$1')).join(', ')}`;
}

/** `TS 5715` as it is written there. */
function issue(id: string): string {
  return id.replace(/ (\d+)$/, ' #$1');
}
