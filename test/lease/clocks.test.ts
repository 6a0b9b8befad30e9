import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeaseHeld, LeaseLost, leases, type Effect, type LeaseEvent } from '../../runtime/lease/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { doubled, startProvider, type Provider } from './provider.js';

const client = dynamo();
let table: Table;
let provider: Provider;

beforeAll(async () => {
  [table, provider] = await Promise.all([newDedupTable(client), startProvider('look-up')]);
});
afterAll(async () => {
  client.destroy();
  await provider.close();
});

const maxClockSkewSeconds = 0.5;

/** The effect takes most of its lease, then acts at a provider that does not know keys, but can be asked. */
function order(name: string): Effect<string, string> {
  return {
    args: name,
    leaseSeconds: 1,
    maxEffectDelaySeconds: 0.2,
    onUnknown: {
      reconcile: async () => {
        const answer = await fetch(`${provider.url}/acts/${name}`);
        const { done } = (await answer.json()) as { done: boolean };
        return done ? { kind: 'done', result: 'looked up' } : { kind: 'not-done' };
      },
    },
    run: async (_, { signal }) => {
      await sleep(700, undefined, { signal });
      await fetch(`${provider.url}/acts/${name}`, { method: 'POST', signal });
      return 'made';
    },
  };
}

/** One owner with the right time, and one who is ahead and tries until there is an outcome. */
async function race(aheadSeconds: number) {
  const name: string = randomUUID();
  const events: LeaseEvent['kind'][] = [];
  const owner = (ahead: number) =>
    leases({
      maxClockSkewSeconds,
      now: () => Date.now() + ahead * 1000,
      observe: ({ kind }) => events.push(kind),
    })({ client, tableName: table.name, retentionSeconds: 3600, consumerName: 'clocks' })(name, () => 30_000);
  const first = owner(0)('order', order(name)).catch((error: unknown) => error);
  await sleep(100);
  for (;;)
    try {
      await owner(aheadSeconds)('order', order(name));
      break;
    } catch (error) {
      if (!(error instanceof LeaseHeld)) throw error;
      await sleep(20);
    }
  return { name, events, first: await first };
}

test.each([0, 0.25, 0.49])('a clock %s s ahead, 0.5 s assumed: 0 doubled', async (ahead) => {
  const races = await Promise.all(Array.from({ length: 3 }, async () => race(ahead)));
  const names = races.map(({ name }) => name);
  expect(names.filter((name) => !provider.acts.includes(name))).toEqual([]);
  expect(doubled(provider).filter((name) => names.includes(name))).toEqual([]);
});

test('a clock 10 s ahead: what is doubled is counted, and named by the owner that was overtaken', async () => {
  const races = await Promise.all(Array.from({ length: 3 }, async () => race(10)));
  const names = races.map(({ name }) => name);
  // If this were empty, the clocks of the test above would not matter.
  const twice = doubled(provider).filter((name) => names.includes(name));
  expect(twice).toHaveLength(3);
  for (const { events, first } of races) {
    expect(first).toBeInstanceOf(LeaseLost);
    expect(String(first)).toContain('maxClockSkewSeconds');
    expect(events).toEqual(expect.arrayContaining(['takeover', 'zombie-rejected']));
  }
});
