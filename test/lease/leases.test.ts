import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Table } from '../../runtime/dynamodb/index.js';
import { leaseId } from '../../runtime/dedup/lease-store.js';
import {
  EffectBlocked,
  EffectNotStarted,
  LeaseHeld,
  LeaseLost,
  leases,
  listBlocked,
  OutcomeUnknown,
  unlock,
  type Effect,
  type LeaseEvent,
  type Once,
  type OnUnknown,
} from '../../runtime/lease/index.js';
import { dynamo, newDedupTable, rawRow } from '../fixtures/dynamo.js';

const client = dynamo();
let table: Table;
let events: LeaseEvent['kind'][];
let key: string;
/** What this test's effect did, in order. An act without a key: one that is made twice is there twice. */
let acts: unknown[];

beforeAll(async () => {
  table = await newDedupTable(client);
});
afterAll(() => client.destroy());
beforeEach(() => {
  events = [];
  acts = [];
  key = randomUUID();
});

/** Somebody whose clock is this many seconds ahead of ours: the way to let time pass. */
function owner(aheadSeconds = 0, observe = ({ kind }: LeaseEvent): unknown => events.push(kind)): Once {
  const options = {
    observe,
    now: () => Date.now() + aheadSeconds * 1000,
  };
  const scope = { client, tableName: table.name, retentionSeconds: 3600, consumerName: 'mailer' };
  return leases(options)(scope)(key, () => 30_000);
}

function mail(more: Partial<Effect<unknown, string>> = {}): Effect<unknown, string> {
  return {
    args: {},
    leaseSeconds: 10,
    onUnknown: 'block',
    run: (args) => {
      acts.push(args);
      return `mail ${acts.length}`;
    },
    ...more,
  };
}
const failing = (error: Error, more: Partial<Effect<unknown, string>> = {}) =>
  mail({
    ...more,
    run: (args) => {
      acts.push(args);
      throw error;
    },
  });
/** An owner who has made the effect and has not come back, until it is let go. */
async function stuck(more: Partial<Effect<unknown, string>> = {}, end: () => string = () => 'late') {
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  let begun = (): void => undefined;
  const started = new Promise<void>((resolve) => (begun = resolve));
  const run = async (args: unknown) => {
    acts.push(args);
    begun();
    await gate;
    return end();
  };
  const ended = owner()('mail', mail({ ...more, run })).then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  await started;
  return { letGo, ended };
}
const id = () => leaseId('mailer', 'mail', key);
const stored = async () => rawRow(client, table, { id: id() });
const skew = 60;
const delay = 60;

test('an outcome is stored: the second one gets it, and the effect is not made again', async () => {
  expect(await owner()('mail', mail())).toBe('mail 1');
  expect(await owner()('mail', mail())).toBe('mail 1');
  expect(await owner()('other', mail())).toBe('mail 2');
  expect(acts).toHaveLength(2);
});

test('the outcome stands for as long as its row does, whatever its expiration says', async () => {
  await owner()('mail', mail());
  expect(await owner(1e9)('mail', mail())).toBe('mail 1');
});

test('one that meets a live lease waits until the lease must be over on every clock', async () => {
  const { letGo, ended } = await stuck();
  const error: unknown = await owner()('mail', mail()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LeaseHeld);
  const { in_progress_expiration } = (await stored()) ?? {};
  expect((error as LeaseHeld).retryAt).toBe(Number(in_progress_expiration?.N) + skew * 1000);
  letGo();
  await ended;
  expect(acts).toHaveLength(1);
});

test('or it waits a moment and gets the result of the first', async () => {
  const { letGo } = await stuck();
  const second = owner()('mail', mail({ waitMs: 5_000 }));
  setTimeout(letGo, 200);
  expect(await second).toBe('late');
  expect(acts).toHaveLength(1);
});

describe.each([false, true])('an observer that throws changes nothing, also later: %s', (later) => {
  const down = new Error('the metrics are down');
  const throwing = () => {
    if (later) return Promise.reject(down);
    throw down;
  };
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };
  beforeEach(() => {
    jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  });
  afterEach(() => jest.restoreAllMocks());

  test('an effect whose owner has died is made by the next one', async () => {
    const { letGo, ended } = await stuck({ onUnknown });
    expect(await owner(skew + delay, throwing)('mail', mail({ onUnknown }))).toBe('mail 2');
    letGo();
    expect((await ended).error).toBeInstanceOf(LeaseLost);
    expect(acts).toHaveLength(2);
  });

  test('an effect that is in doubt and may not be made again is blocked, for everybody', async () => {
    const { letGo, ended } = await stuck();
    const late = owner(skew + delay, throwing);
    await expect(late('mail', mail())).rejects.toThrow(EffectBlocked);
    await expect(late('mail', mail())).rejects.toThrow('`npx exactly-once-aws unlock`');
    letGo();
    expect((await ended).error).toBeInstanceOf(LeaseLost);
    expect(acts).toHaveLength(1);
  });

  test('an outcome that is not known is written down, and what is blocked is listed', async () => {
    const effect = failing(new Error('reset'), { onUnknown });
    await expect(owner(0, throwing)('mail', effect)).rejects.toThrow(OutcomeUnknown);
    expect((await stored())?.status).toEqual({ S: 'UNKNOWN' });
    await expect(owner(0, throwing)('mail', failing(new Error('reset')))).rejects.toThrow(EffectBlocked);
    expect((await stored())?.attention).toBeDefined();
  });
});

describe('a throw leaves the outcome unknown', () => {
  test('also where `isDefinite` itself throws: it is written down, with what the effect threw', async () => {
    const isDefinite = () => {
      throw new TypeError('no status');
    };
    const thrown: unknown = await owner()('mail', failing(new Error('reset'), { isDefinite })).catch(
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(EffectBlocked);
    expect(thrown).toMatchObject({ cause: { message: 'reset' } });
    expect((await stored())?.status).toEqual({ S: 'UNKNOWN' });
  });

  test('block: it is not tried again, and it is listed', async () => {
    await expect(owner()('mail', failing(new Error('timeout')))).rejects.toThrow(EffectBlocked);
    await expect(owner(1e6)('mail', mail())).rejects.toThrow(EffectBlocked);
    expect(acts).toHaveLength(1);
    const listed = [];
    for await (const one of listBlocked({ client, tableName: table.name }, 'mailer')) listed.push(one);
    expect(listed.find((one) => one.id === id())).toMatchObject({ reason: 'Error: timeout', args: '{}' });
    expect(events).toEqual(['unknown-outcome', 'blocked']);
  });

  test('retry: it is tried again with the arguments of the first try, and with the same key', async () => {
    const keys: string[] = [];
    const onUnknown = { retry: { keyWindowSeconds: 3600 } };
    const first = failing(new Error('reset'), { onUnknown, args: { cents: 5 } });
    const run: typeof first.run = (args, call) => {
      keys.push(call.idempotencyKey);
      return first.run(args, call);
    };
    await expect(owner()('mail', { ...first, run })).rejects.toThrow(OutcomeUnknown);
    await owner()('mail', {
      ...mail({ onUnknown, args: { cents: 999 } }),
      run: (args, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        acts.push(args);
        return 'sent';
      },
    });
    expect(acts).toEqual([{ cents: 5 }, { cents: 5 }]);
    expect(new Set(keys).size).toBe(1);
    expect(events).toEqual(['unknown-outcome', 'takeover']);
  });

  test('retry becomes block when the other side may have forgotten the key', async () => {
    const onUnknown = { retry: { keyWindowSeconds: 1_000 } };
    await expect(owner()('mail', failing(new Error('reset'), { onUnknown }))).rejects.toThrow(OutcomeUnknown);
    // Its call could arrive as late as lease, delay and skew allow.
    await expect(owner(1_000 - 10 - delay - skew + 1)('mail', mail({ onUnknown }))).rejects.toThrow(
      'remembers a key for 1000 s',
    );
    expect(acts).toHaveLength(1);
    expect(events).toEqual(['unknown-outcome', 'blocked']);
  });

  test('the window is counted from the first call, not from the last', async () => {
    const onUnknown = { retry: { keyWindowSeconds: 1_000 } };
    const again = failing(new Error('reset'), { onUnknown });
    await expect(owner()('mail', again)).rejects.toThrow(OutcomeUnknown);
    await expect(owner(600)('mail', again)).rejects.toThrow(OutcomeUnknown);
    await expect(owner(900)('mail', again)).rejects.toThrow(EffectBlocked);
    expect(acts).toHaveLength(2);
  });

  test('reconcile: it is looked up when no earlier call can act any more', async () => {
    const asked: unknown[] = [];
    const onUnknown: OnUnknown<unknown, string> = {
      reconcile: (args) => {
        asked.push(args);
        return { kind: 'done', result: 'found' };
      },
    };
    const first = failing(new Error('reset'), { onUnknown, args: { to: 'ada' } });
    await expect(owner()('mail', first)).rejects.toThrow(OutcomeUnknown);
    await expect(owner(10 + skew + delay - 1)('mail', mail({ onUnknown }))).rejects.toThrow(LeaseHeld);
    expect(asked).toEqual([]);
    expect(await owner(10 + skew + delay + 1)('mail', mail({ onUnknown }))).toBe('found');
    expect(await owner()('mail', mail({ onUnknown }))).toBe('found');
    expect(asked).toEqual([{ to: 'ada' }]);
    expect(acts).toHaveLength(1);
  });

  test('reconcile: what has not happened is made, what is unclear waits', async () => {
    const answers = [{ kind: 'unclear' }, { kind: 'not-done' }] as const;
    let asked = 0;
    const onUnknown: OnUnknown<unknown, string> = { reconcile: () => answers[asked++]! };
    const aheadSeconds = 10 + skew + delay + 1;
    await expect(owner()('mail', failing(new Error('reset'), { onUnknown }))).rejects.toThrow(OutcomeUnknown);
    await expect(owner(aheadSeconds)('mail', mail({ onUnknown }))).rejects.toThrow(LeaseHeld);
    expect(acts).toHaveLength(1);
    expect(await owner(2 * aheadSeconds)('mail', mail({ onUnknown }))).toBe('mail 2');
  });

  test('reconcile: who is told too late that it has not happened does not make it beside a successor', async () => {
    const asking = (ms: number) => ({
      leaseSeconds: 1,
      onUnknown: { reconcile: async () => sleep(ms, { kind: 'not-done' } as const) },
    });
    await expect(owner()('mail', failing(new Error('reset'), asking(0)))).rejects.toThrow(OutcomeUnknown);
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const reconcile = async () => {
      asked();
      return sleep(1_200, { kind: 'not-done' } as const);
    };
    const late = owner(200)('mail', mail({ ...asking(0), onUnknown: { reconcile } })).catch(
      (error: unknown) => error,
    );
    await isAsked;
    await owner(400)('mail', mail(asking(0)));
    expect(await late).toBeInstanceOf(LeaseLost);
    // The one that was reset, and its successor.
    expect(acts).toHaveLength(2);
  });

  test('unless it proves that nothing happened', async () => {
    await expect(owner()('mail', failing(new EffectNotStarted('no route')))).rejects.toThrow(
      EffectNotStarted,
    );
    const isDefinite = (error: unknown) => error instanceof RangeError;
    await expect(owner()('mail', failing(new RangeError('422'), { isDefinite }))).rejects.toThrow(RangeError);
    expect(await owner()('mail', mail())).toBe('mail 3');
    expect(events).toEqual([]);
  });

  test('and a proof of the second try says nothing about the first', async () => {
    const onUnknown = { retry: { keyWindowSeconds: 1_000 } };
    await expect(owner()('mail', failing(new Error('reset'), { onUnknown }))).rejects.toThrow(OutcomeUnknown);
    const second = failing(new EffectNotStarted('no route'), { onUnknown });
    await expect(owner(600)('mail', second)).rejects.toThrow(EffectNotStarted);
    await expect(owner(900)('mail', mail({ onUnknown }))).rejects.toThrow(EffectBlocked);
  });
});

describe('a zombie, past its lease and with a successor', () => {
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };

  test('cannot complete', async () => {
    const { letGo, ended } = await stuck({ onUnknown });
    expect(await owner(10 + skew + 1)('mail', mail({ onUnknown }))).toBe('mail 2');
    letGo();
    expect((await ended).error).toBeInstanceOf(LeaseLost);
    expect(await owner()('mail', mail())).toBe('mail 2');
    expect(events).toEqual(['takeover', 'zombie-rejected']);
  });

  test('cannot free the key', async () => {
    const { letGo, ended } = await stuck({ onUnknown }, () => {
      throw new EffectNotStarted('so it thinks');
    });
    const successor = await stuckAt(10 + skew + 1);
    letGo();
    expect((await ended).error).toMatchObject({ name: 'LeaseLost', refused: 'release' });
    await expect(owner()('mail', mail())).rejects.toThrow(LeaseHeld);
    successor.letGo();
    await successor.ended;
    expect(acts).toHaveLength(2);
  });

  test('cannot complete what a person is told to look at', async () => {
    const { letGo, ended } = await stuck();
    await expect(owner(10 + skew + 1)('mail', mail())).rejects.toThrow(EffectBlocked);
    letGo();
    expect((await ended).error).toBeInstanceOf(LeaseLost);
    expect(acts).toHaveLength(1);
  });

  async function stuckAt(aheadSeconds: number) {
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    let begun = (): void => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const run = async () => {
      acts.push('successor');
      begun();
      await gate;
      return 'by the successor';
    };
    const ended = owner(aheadSeconds)('mail', mail({ onUnknown, run }));
    await started;
    return { letGo, ended };
  }
});

test('past its lease but without a successor, the truth is written down', async () => {
  const { letGo, ended } = await stuck({ leaseSeconds: 0.2 });
  await new Promise((resolve) => setTimeout(resolve, 400));
  letGo();
  expect((await ended).value).toBe('late');
});

test('the signal fires before the lease ends', async () => {
  // What the clock is asked for: when a busy machine gets round to it says nothing of the lease.
  const timeout = jest.spyOn(AbortSignal, 'timeout');
  let asked: unknown;
  const run: Effect<unknown, string>['run'] = async (_, { signal }) => {
    const call = timeout.mock.results.findIndex(({ value }) => value === signal);
    asked = timeout.mock.calls[call]?.[0];
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new EffectNotStarted('stopped in time');
  };
  await expect(owner()('mail', mail({ leaseSeconds: 1, run }))).rejects.toThrow(EffectNotStarted);
  timeout.mockRestore();
  expect(asked).toBeLessThan(1_000);
});

describe('unlock', () => {
  const order = (outcome: Parameters<typeof unlock>[1]['outcome']) =>
    unlock(
      { client, tableName: table.name },
      {
        effect: { consumerName: 'mailer', effectName: 'mail', key },
        outcome,
        reason: 'ada looked at the outbox of the provider',
        retentionSeconds: 3600,
      },
    );

  test('done: nobody makes it again, and its caller gets what was found', async () => {
    await expect(owner()('mail', failing(new Error('timeout')))).rejects.toThrow(EffectBlocked);
    await order({ kind: 'done', result: 'sent at 10:00' });
    expect(await owner()('mail', mail())).toBe('sent at 10:00');
    expect(acts).toHaveLength(1);
    expect((await stored())?.reason?.S).toBe('ada looked at the outbox of the provider');
    const listed = [];
    for await (const one of listBlocked({ client, tableName: table.name }, 'mailer')) listed.push(one.id);
    expect(listed).not.toContain(id());
  });

  test('not done: it is made', async () => {
    await expect(owner()('mail', failing(new Error('timeout')))).rejects.toThrow(EffectBlocked);
    await order({ kind: 'not-done' });
    expect(await owner()('mail', mail())).toBe('mail 2');
  });

  test('refuses what is not there, what is known, and what somebody is at work on', async () => {
    await expect(order({ kind: 'not-done' })).rejects.toThrow('has no such row');
    const { letGo, ended } = await stuck();
    await expect(order({ kind: 'not-done' })).rejects.toThrow('its owner may be at work until');
    letGo();
    await ended;
    await expect(order({ kind: 'not-done' })).rejects.toThrow('its outcome is known (COMPLETED)');
  });
});

test('settings that could never work are refused, with what is wrong', async () => {
  const onUnknown = { retry: { keyWindowSeconds: 100 } };
  await expect(owner()('mail', mail({ onUnknown }))).rejects.toThrow(
    'keyWindowSeconds is 100, must be more than lease + maxEffectDelaySeconds + maxClockSkewSeconds = 130',
  );
  await expect(owner()('a mail', mail())).rejects.toThrow('name of an effect must be 1 to 64');
  expect(() => leases({ maxClockSkewSeconds: -1 })).toThrow(
    'maxClockSkewSeconds must be a number of seconds',
  );
  await expect(owner()('mail', mail({ args: 'x'.repeat(200_000) }))).rejects.toThrow('at most 102400');
});

test('a row of a newer version is neither run nor taken for an outcome', async () => {
  await owner()('mail', mail());
  await client.send(
    new UpdateItemCommand({
      TableName: table.name,
      Key: { id: { S: id() } },
      UpdateExpression: 'SET v = :v',
      ExpressionAttributeValues: { ':v': { N: '9' } },
    }),
  );
  await expect(owner()('mail', mail())).rejects.toThrow('row has version 9');
});
