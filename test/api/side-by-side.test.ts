import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newTable } from '../fixtures/dynamo.js';
import { losing, newPay, SideBySide, type Call, type Pay, type Told } from './side-by-side.js';

let both: SideBySide;
beforeAll(async () => {
  const { client } = new SideBySide({} as never, {} as never);
  both = new SideBySide(await newTable(client, 'id'), await newTable(client, 'name'));
  client.destroy();
});
afterAll(() => both.client.destroy());

interface Found {
  readonly effects: number;
  readonly told: Told[];
}
type Side = (pay: Pay & { readonly key: string }) => Promise<Told[]>;

const twice =
  (call: () => Call, pauseMs = 0): Side =>
  async (pay) => {
    const on = call();
    const first = await on(pay);
    await sleep(pauseMs);
    return [first, await on(pay)];
  };

/** Until a claim of 200 ms is over. */
const claimMs = 200;
const overMs = 1_200;

interface Scenario {
  /** As in the table of docs/api.md. */
  readonly what: string;
  readonly theirs: Side;
  readonly ours: Side;
  readonly found: { readonly theirs: Found; readonly ours: Found };
}

const scenarios: Scenario[] = [
  {
    what: 'the handler changes its input',
    theirs: twice(
      () => both.powertools({ path: '', remainingMs: claimMs, mishaps: ['changes its input'] }),
      overMs,
    ),
    ours: twice(() => both.api(['changes its input'])),
    found: { theirs: { effects: 2, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', 'done'] } },
  },
  {
    what: 'it throws after its effect',
    theirs: twice(() => both.powertools({ mishaps: ['throws after'] })),
    ours: twice(() => both.api(['throws after'])),
    found: {
      theirs: { effects: 2, told: ['Error', 'done'] },
      ours: { effects: 1, told: ['500', 'done'] },
    },
  },
  {
    what: 'its process dies after its effect, or times out',
    theirs: twice(() => both.powertools({ remainingMs: claimMs, mishaps: ['hangs after'] }), overMs),
    ours: twice(() => both.api(['hangs after'])),
    found: {
      theirs: { effects: 2, told: ['no answer', 'done'] },
      ours: { effects: 1, told: ['no answer', 'done'] },
    },
  },
  {
    what: 'what it has done cannot be written down, or its answer is lost',
    theirs: twice(
      () => both.powertools({ remainingMs: claimMs, layer: both.layer(losing('UpdateItemCommand')) }),
      overMs,
    ),
    ours: twice(() => both.api([], { dynamodb: losing('TransactWriteItemsCommand') })),
    found: {
      theirs: { effects: 2, told: ['IdempotencyPersistenceLayerError', 'done'] },
      ours: { effects: 1, told: ['done', 'done'] },
    },
  },
  {
    what: 'its process dies before its effect, and the context was not registered',
    theirs: twice(() => both.powertools({ remainingMs: 'not registered', mishaps: ['hangs before'] })),
    ours: twice(() => both.api(['hangs before'])),
    found: {
      theirs: { effects: 0, told: ['no answer', 'IdempotencyAlreadyInProgressError'] },
      ours: { effects: 1, told: ['no answer', 'done'] },
    },
  },
  {
    what: '10 requests at once with one key',
    theirs: atOnce(() => both.powertools()),
    ours: atOnce(() => both.api()),
    found: {
      theirs: { effects: 1, told: ['1 done', '9 IdempotencyAlreadyInProgressError'] },
      ours: { effects: 1, told: ['10 done'] },
    },
  },
  {
    what: 'another payment under a used key',
    theirs: async (pay) => {
      const call = both.powertools();
      return [await call(pay), await call({ ...pay, cents: 6 })];
    },
    ours: async (pay) => {
      const call = both.api();
      return [await call(pay), await call({ ...pay, cents: 6 })];
    },
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', '422'] } },
  },
  {
    what: 'two requests without a key',
    theirs: async ({ name, cents }) => twice(() => both.powertools())({ name, cents } as never),
    ours: async ({ name, cents }) => twice(() => both.api())({ name, cents } as never),
    found: { theirs: { effects: 2, told: ['done', 'done'] }, ours: { effects: 0, told: ['400', '400'] } },
  },
  {
    what: 'the same members in another order',
    theirs: otherOrder(() => both.powertools({ path: '' })),
    ours: otherOrder(() => both.api()),
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', 'done'] } },
  },
  {
    what: 'a second operation on the same layer, with another key',
    theirs: async (pay) => {
      const layer = both.layer();
      const first = both.powertools({ path: 'name', layer });
      const second = both.powertools({ path: 'key', layer });
      return [await first(pay), await second(pay), await second({ ...pay, key: 'other' })];
    },
    ours: async (pay) => {
      const [first, second] = [both.api(), both.api()];
      return [await first(pay), await second(pay), await second({ ...pay, key: 'other' })];
    },
    found: {
      theirs: { effects: 2, told: ['done', 'done', 'done'] },
      ours: { effects: 3, told: ['done', 'done', 'done'] },
    },
  },
];

function atOnce(call: () => Call): Side {
  return async (pay) => {
    const on = call();
    const told = await Promise.all(Array.from({ length: 10 }, () => on(pay)));
    return [...new Set(told)]
      .sort()
      .reverse()
      .map((one) => `${told.filter((other) => other === one).length} ${one}`);
  };
}

function otherOrder(call: () => Call): Side {
  return async ({ name, cents, key }) => {
    const on = call();
    return [await on({ name, cents, key }), await on({ key, cents, name })];
  };
}

async function played(side: Side): Promise<Found> {
  const pay = newPay();
  const told = await side(pay);
  return { told, effects: await both.effects(pay.name) };
}

test.each(scenarios)('$what', async ({ theirs, ours, found }) => {
  const results = { theirs: await played(theirs), ours: await played(ours) };
  expect(results).toEqual(found);
});

test('docs/api.md says what was counted', () => {
  const page = readFileSync(join(__dirname, '../../docs/api.md'), 'utf8');
  for (const { what, found } of scenarios)
    expect(page).toContain(`| ${what} | ${cell(found.theirs)} | ${cell(found.ours)} |`);
});

function cell({ effects, told }: Found): string {
  return `${effects}: ${told.map((one) => one.replace(/^(\d* ?)Idempotency/, '$1')).join(', ')}`;
}
