import type { Scenario, Side } from './scenario.js';
import { claimMs, overMs, tally, twice } from './scenario.js';
import { losing, type Call, type SideBySide } from './side-by-side.js';

/** What happens to a request and its retry, whatever calls. */
export const requests: readonly Scenario[] = [
  {
    what: 'the handler changes its input',
    reported: ['TS 5715'],
    theirs: twice(
      (both) => both.powertools({ path: '', remainingMs: claimMs, mishaps: ['changes its input'] }),
      overMs,
    ),
    ours: twice((both) => both.api(['changes its input'])),
    found: { theirs: { effects: 2, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', 'done'] } },
  },
  {
    what: 'it throws after its effect',
    reported: ['documented: the record is deleted'],
    theirs: twice((both) => both.powertools({ mishaps: ['throws after'] })),
    ours: twice((both) => both.api(['throws after'])),
    found: {
      theirs: { effects: 2, told: ['Error', 'done'] },
      ours: { effects: 1, told: ['500', 'done'] },
    },
  },
  {
    what: 'its process dies after its effect, or times out',
    reported: ['Python 8049'],
    theirs: twice((both) => both.powertools({ remainingMs: claimMs, mishaps: ['hangs after'] }), overMs),
    ours: twice((both) => both.api(['hangs after'])),
    found: {
      theirs: { effects: 2, told: ['no answer', 'done'] },
      ours: { effects: 1, told: ['no answer', 'done'] },
    },
  },
  {
    what: 'what it has done cannot be written down, or its answer is lost',
    reported: [],
    theirs: twice(
      (both) => both.powertools({ remainingMs: claimMs, layer: both.layer(losing('UpdateItemCommand')) }),
      overMs,
    ),
    ours: twice((both) => both.api([], { dynamodb: losing('TransactWriteItemsCommand') })),
    found: {
      theirs: { effects: 2, told: ['IdempotencyPersistenceLayerError', 'done'] },
      ours: { effects: 1, told: ['done', 'done'] },
    },
  },
  {
    what: 'its process dies before its effect, and the context was not registered',
    reported: ['Python 1038', 'Python 738', 'lambda 53'],
    theirs: twice((both) => both.powertools({ remainingMs: 'not registered', mishaps: ['hangs before'] })),
    ours: twice((both) => both.api(['hangs before'])),
    found: {
      theirs: { effects: 0, told: ['no answer', 'IdempotencyAlreadyInProgressError'] },
      ours: { effects: 1, told: ['no answer', 'done'] },
    },
  },
  {
    what: '10 requests at once with one key',
    reported: ['Python 2490'],
    theirs: atOnce((both) => both.powertools()),
    ours: atOnce((both) => both.api()),
    found: {
      theirs: { effects: 1, told: ['1 done', '9 IdempotencyAlreadyInProgressError'] },
      ours: { effects: 1, told: ['10 done'] },
    },
  },
  {
    what: 'another payment under a used key',
    reported: ['payload validation is off by default'],
    theirs: async (both, pay) => {
      const call = both.powertools();
      return [await call(pay), await call({ ...pay, cents: 6 })];
    },
    ours: async (both, pay) => {
      const call = both.api();
      return [await call(pay), await call({ ...pay, cents: 6 })];
    },
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', '422'] } },
  },
  {
    what: 'two requests without a key',
    reported: ['`throwOnNoIdempotencyKey` is off by default'],
    theirs: async (both, { name, cents }) => twice(() => both.powertools())(both, { name, cents } as never),
    ours: async (both, { name, cents }) => twice(() => both.api())(both, { name, cents } as never),
    found: { theirs: { effects: 2, told: ['done', 'done'] }, ours: { effects: 0, told: ['400', '400'] } },
  },
  {
    what: 'the same members in another order',
    reported: ['TS 2570'],
    theirs: otherOrder((both) => both.powertools({ path: '' })),
    ours: otherOrder((both) => both.api()),
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', 'done'] } },
  },
  {
    what: 'a second operation on the same layer, with another key (3 wanted)',
    reported: ['TS 5409'],
    theirs: async (both, pay) => {
      const layer = both.layer();
      const first = both.powertools({ path: 'name', layer });
      const second = both.powertools({ path: 'key', layer });
      return [await first(pay), await second(pay), await second({ ...pay, key: 'other' })];
    },
    ours: async (both, pay) => {
      const [first, second] = [both.api(), both.api()];
      return [await first(pay), await second(pay), await second({ ...pay, key: 'other' })];
    },
    found: {
      theirs: { effects: 2, told: ['done', 'done', 'done'] },
      ours: { effects: 3, told: ['done', 'done', 'done'] },
    },
  },
  {
    what: 'the answer is in the memory of a warm instance',
    reported: ['TS 2309', 'TS 2311'],
    theirs: twice((both) => both.powertools({ localCache: true })),
    ours: twice((both) => both.api()),
    found: { theirs: { effects: 1, told: ['done', 'done'] }, ours: { effects: 1, told: ['done', 'done'] } },
  },
];

function atOnce(call: (both: SideBySide) => Call): Side {
  return async (both, pay) => {
    const on = call(both);
    return tally(await Promise.all(Array.from({ length: 10 }, () => on(pay))));
  };
}

function otherOrder(call: (both: SideBySide) => Call): Side {
  return async (both, { name, cents, key }) => {
    const on = call(both);
    return [await on({ name, cents, key }), await on({ key, cents, name })];
  };
}
